// SPDX-License-Identifier: BSD-3-Clause
/// How the program ends when something goes wrong.
#ifndef HAR_FAILURE_HPP
#define HAR_FAILURE_HPP

#include <csignal>

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

/// Set by SIGHUP, SIGINT and SIGTERM. Training then ends after the step in hand; models and figures are still written.
extern volatile std::sig_atomic_t caught_signal;

} // namespace har

#endif
