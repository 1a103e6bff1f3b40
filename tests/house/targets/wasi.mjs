// SPDX-License-Identifier: BSD-3-Clause
// node wasi.mjs PROGRAM.wasm FOLDER ARGUMENT…: runs a program that sees FOLDER as /.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [program, folder, ...rest] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args: [program, ...rest], preopens: { "/": folder } });
const module = await WebAssembly.compile(await readFile(program));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
