-- Changes of many kinds to Tryton's tables. None leaves a gap among a table's columns, so that each has a way back.
-- Columns: added with a default, of a new type, of other types under indexes, dropped with a key and a check on it.
alter table sale_sale add column channel varchar(20) not null default 'web';
create type sale_priority as enum ('low', 'high');
alter table sale_sale add column priority sale_priority default 'low';
alter table party_party alter column code type text;
alter table sale_line alter column quantity type numeric(16, 4), alter column note set default '';
alter table stock_move drop column production_output;
create domain mail as text check (value like '%@%');
alter table party_contact_mechanism add column mail mail;
alter table sale_sale alter column id set increment by 10;
-- Tables: made, dropped, renamed, partitioned.
create table sale_note (
    id bigint generated always as identity primary key,
    sale integer not null references sale_sale on delete cascade,
    body text constraint said check (body <> '')
);
create index sale_note_sale on sale_note (sale) where body is not null;
drop table sale_line_moves_recreated_rel;
alter table ir_note rename to ir_annotation;
create table stock_log (move integer, at date not null) partition by range (at);
create table stock_log_2026 partition of stock_log for values from ('2026-01-01') to ('2027-01-01');
create index on stock_log (move);
-- Indexes and constraints.
drop index idx_sale_sale_bd77ab5ed1955cb25e0da1e470953471;
create index sale_sale_number on sale_sale (number) include (state);
alter table sale_line add constraint quantity_known check (quantity is not null or type <> 'line') not valid;
alter table sale_line drop constraint sale_line_product_fkey;
alter table sale_line add constraint sale_line_product_fkey foreign key (product) references product_product (id) on delete set null deferrable;
alter table country_country add constraint country_country_name unique (name);
create statistics sale_states (dependencies) on state, invoice_state from sale_sale;
alter table account_move_line set (fillfactor = 80);
alter table account_move_line alter column debit set statistics 500;
-- Views, routines, triggers.
create view open_sales as select s.id, s.number, s.channel, p.name from sale_sale s join party_party p on p.id = s.party where s.state <> 'done';
create materialized view sales_of_party as select party, count(*) as sales from sale_sale group by party;
create unique index sales_of_party_party on sales_of_party (party);
create function note_sale() returns trigger language plpgsql as 'begin new.channel := lower(new.channel); return new; end';
create trigger note_sale before insert or update of channel on sale_sale for each row execute function note_sale();
create function sales_since(day date) returns bigint language sql stable as 'select count(*) from public.sale_sale where sale_date >= day';
-- Who may do what, and what is said.
alter table party_party enable row level security;
create policy known on party_party for select to authenticated using (active);
grant select on party_party, open_sales to authenticated;
grant update (comment) on sale_sale to authenticated;
revoke execute on function sales_since(date) from public;
alter default privileges in schema public grant select on tables to authenticated;
create table after_default_grants (id integer);
comment on table sale_note is 'what was said of a sale';
comment on column sale_sale.channel is 'web, shop, telephone';
