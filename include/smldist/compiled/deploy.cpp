// SPDX-License-Identifier: BSD-3-Clause
/// smldist::compiled: files, graphs as text, loading and compiling programs. Like base.cpp without trainings, which need
/// exceptions.
#define SMLDIST_COMPILED_DEPLOY
#include "smldist/deploy/load.hpp"
#include "smldist/deploy/plan.hpp"
#include "smldist/graph/json.hpp"
#include "smldist/graph/summary.hpp"
#include "smldist/io/bundle.hpp"
#include "smldist/io/json.hpp"
#include "smldist/io/json_scanner.hpp"
#include "smldist/io/safetensors_reader.hpp"
#include "smldist/io/safetensors_writer.hpp"
#include "smldist/io/sealed.hpp"
