// SPDX-License-Identifier: BSD-3-Clause
#include "failure.hpp"

#include <cstdio>
#include <new>

#include "signals.hpp"

namespace har {

using namespace smldist;

int exit_code_of(const std::function<void()>& run) {
    const auto fail = [](int code, const std::exception& e) {
        std::fprintf(stderr, "har: %s\n", e.what());
        return code;
    };
    try {
        run();
        std::fflush(stdout);
        if (std::ferror(stdout) != 0 && caught_signal == 0) { // after SIGHUP there may be no terminal
            std::fprintf(stderr, "har: stdout: short write\n");
            return io_failure;
        }
        return caught_signal != 0 ? 128 + caught_signal : success;
    } catch (const std::bad_alloc&) {
        std::fputs("har: memory is exhausted; a smaller --batch or fewer --threads need less\n", stderr);
        return failure;
    } catch (const interrupted& e) { return fail(128 + caught_signal, e); } catch (const model_error& e) {
        return fail(bad_model, e);
    } catch (const data_error& e) { return fail(bad_data, e); } catch (const usage_error& e) {
        return fail(usage, e);
    } catch (const shape_error& e) { return fail(usage, e); } catch (const numeric_error& e) {
        return fail(diverged, e);
    } catch (const io_error& e) { return fail(io_failure, e); } catch (const std::exception& e) {
        return fail(failure, e);
    }
}

} // namespace har
