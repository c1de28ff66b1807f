#!/bin/sh
# Makes the two users and the ledger's database; Temporal makes its own.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres \
  -v temporal="$TEMPORAL_DB_PASSWORD" -v crucible="$CRUCIBLE_DB_PASSWORD" <<'SQL'
create role temporal login createdb password :'temporal';
create role crucible login password :'crucible';
create database crucible owner crucible;
SQL
