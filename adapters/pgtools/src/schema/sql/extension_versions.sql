-- Versions of extensions that can be made from the files of this server.
select name::text, version from pg_available_extension_versions
