create table notes (id int generated always as identity, note text);
copy notes (note) from program 'printf ''caf\351\n''' with (encoding 'SQL_ASCII');
insert into notes (note) select 'café' from generate_series(1, 20000);
