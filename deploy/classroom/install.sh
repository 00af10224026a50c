#!/bin/sh
# Installs the system from this folder, with no network: sh install.sh [where]
set -eu
bundle=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=${1:-$PWD}
project=$target/self-healing-agent-system

if [ -e "$project" ]; then
  echo "error: $project is there already; remove it, or name another folder: sh install.sh FOLDER" >&2
  exit 1
fi
for program in make tar "${PYTHON:-python3}"; do
  command -v "$program" >/dev/null || { echo "error: $program is needed and isn't installed" >&2; exit 1; }
done

echo "Checking the files ..."
cd "$bundle"
if command -v sha256sum >/dev/null; then
  sha256sum --check --quiet SHA256SUMS
else
  shasum -a 256 --check --quiet SHA256SUMS
fi || { echo "error: the bundle is damaged; copy it again" >&2; exit 1; }

mkdir -p "$target"
tar -xzf "$bundle/self-healing-agent-system.tar.gz" -C "$target"
cd "$project"
# A URL, since a path may hold spaces, which pip takes for the end of it.
wheelhouse=file://$("${PYTHON:-python3}" -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1]))' "$bundle/wheelhouse")
PIP_NO_INDEX=1 PIP_FIND_LINKS=$wheelhouse make PYTHON="${PYTHON:-python3}" setup setup-local

if [ -e "$bundle/images.tar.gz" ] && docker version >/dev/null 2>&1; then
  echo "Loading the images (a minute or two) ..."
  docker load --quiet --input "$bundle/images.tar.gz"
fi
echo
echo "Installed in $project. Now:"
echo "  cd '$project'"
echo "  make demo"
