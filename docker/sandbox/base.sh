#!/bin/sh
# base.sh FOLDER: makes in FOLDER (new) the root file system that stands in for python:3.11-slim-bookworm, from Debian
# packages alone. As root, in a mount namespace of its own, so that nothing stays mounted whatever happens.
set -eu
[ "$(id -u)" = 0 ] || { echo "base.sh: expected root, came user $(id -u)" >&2; exit 1; }
[ "${2-}" = inside ] || exec unshare --mount sh "$0" "$1" inside
folder=$1 suite=bookworm
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

# The host's own mirror where it is a Debian of this release, else the one debootstrap knows.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
  awk -v suite=$suite '$2 == suite && $3 == "main" { print $1; exit }')

# A path of dpkg's that skips fsync and documentation: the folder is thrown away if anything fails.
mkdir -p "$folder/etc/dpkg/dpkg.cfg.d"
cat > "$folder/etc/dpkg/dpkg.cfg.d/crucible" <<'OPTIONS'
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/lintian/*
OPTIONS

debootstrap --variant=minbase --include=python3,python3-venv,python3-dev,g++,make,ccache "$suite" "$folder" ${mirror:+"$mirror"}

rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/* "$folder"/var/log/* "$folder"/debootstrap \
  "$folder"/usr/share/doc "$folder"/usr/share/man "$folder"/usr/share/info "$folder"/usr/share/locale \
  "$folder"/usr/lib/python3.11/config-3.11-*/libpython3.11*.a
# debootstrap copies the host's names into the new system.
rm -f "$folder/etc/resolv.conf"
echo crucible > "$folder/etc/hostname"
