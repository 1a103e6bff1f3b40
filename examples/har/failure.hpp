// SPDX-License-Identifier: BSD-3-Clause
/// How the program ends when something goes wrong.
#ifndef HAR_FAILURE_HPP
#define HAR_FAILURE_HPP

#include <functional>

#include "smldist/core/error.hpp"

namespace har {

/// Exit codes of the program.
enum exit_code : int {
    success = 0,
    failure = 1,
    usage = 2,
    bad_data = 3,
    bad_model = 4,
    diverged = 5,
    io_failure = 6
};

/// A model file that is corrupt or does not fit the data: exit code 4 instead of the data's 3.
class model_error : public smldist::data_error {
    using data_error::data_error;
};

/// A signal ended the command before it had anything to keep: exit code 128 + the signal.
class interrupted : public smldist::error {
    using error::error;
};

/// Runs a command and returns its exit code. Exceptions and a failed write to standard output are reported on stderr.
int exit_code_of(const std::function<void()>& run);

} // namespace har

#endif
