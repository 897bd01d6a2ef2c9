#!/usr/bin/env python3
"""Collects the licences of all crates that are linked into the programs, for the release archive of a target.

    .packaging/licences.py x86_64-unknown-linux-musl FOLDER

FOLDER gets the licences of this project, THIRD-PARTY.txt with the licence texts of all crates (each text once), and the
notices of Rust's standard library.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

PROGRAMS = {"mychat-bench", "mychat-server", "mychat-client"}
ROOT = pathlib.Path(__file__).resolve().parent.parent
# For musl targets, Rust also links the C library statically.
MUSL = (ROOT / "LICENSE-MIT").read_text(encoding="utf-8").replace(
    "Copyright (c) 2026 The MyChat contributors", "Copyright © 2005-2020 Rich Felker, et al.")


def linked(target):
    """Returns all packages that are linked into the programs, without build and test dependencies."""
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", target]
    tree = json.loads(subprocess.check_output(command, cwd=ROOT))
    packages = {package["id"]: package for package in tree["packages"]}
    needs = {node["id"]: [need["pkg"] for need in node["deps"] if any(k["kind"] is None for k in need["dep_kinds"])]
             for node in tree["resolve"]["nodes"]}
    found, todo = set(), [key for key, package in packages.items() if package["name"] in PROGRAMS]
    while todo:
        key = todo.pop()
        if key not in found:
            found.add(key)
            todo += needs[key]
    return sorted((packages[key] for key in found), key=lambda package: (package["name"], package["version"]))


def texts(package):
    """Returns the licence texts in the package of a crate."""
    folder = pathlib.Path(package["manifest_path"]).parent
    named = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
    files = sorted(file for file in folder.iterdir() if file.is_file() and named.match(file.name))
    if files:
        return [file.read_text(encoding="utf-8", errors="replace").strip() for file in files]
    if "Apache-2.0" in package["license"]:
        return [(ROOT / "LICENSE-APACHE").read_text(encoding="utf-8").strip()]
    sys.exit(f"{package['name']} ({package['license']}) contains no licence text")


def main(target, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for own in ("LICENSE-MIT", "LICENSE-APACHE"):
        shutil.copy(ROOT / own, folder)
    others = [package for package in linked(target) if package["source"]]
    users = {}
    for package in others:
        for text in texts(package):
            users.setdefault(text, []).append(f"{package['name']} {package['version']}")
    if "musl" in target:
        users[MUSL.strip()] = ["musl (the C library)"]
    lines = [f"Third-party code in mychat-bench, mychat-server and mychat for {target}.", ""]
    lines += [f"{package['name']} {package['version']}: {package['license']}" for package in others]
    for text, names in users.items():
        lines += ["", "=" * 80, ", ".join(names), "=" * 80, "", text]
    (folder / "THIRD-PARTY.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sysroot = subprocess.check_output(["rustc", "--print", "sysroot"], text=True, cwd=ROOT).strip()
    library = pathlib.Path(sysroot, "share", "doc", "rust", "COPYRIGHT-library.html")
    if library.is_file():
        shutil.copy(library, folder / "rust-library.html")
    print(f"{len(others)} crates, {len(users)} texts")


main(*sys.argv[1:])
