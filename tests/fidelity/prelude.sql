-- The roles that are granted something. They are the whole server's, and no owner of a database makes them.
create role reader nologin;
create role writer nologin;
