// SPDX-License-Identifier: BSD-3-Clause
/// predict --stream: decisions as the samples come on standard input.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <poll.h>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "answers.hpp"
#include "commands.hpp"
#include "model_file.hpp"
#include "options.hpp"
#include "signals.hpp"
#include "smldist/data/csv_reader.hpp"
#include "smldist/deploy/load.hpp"
#include "smldist/runtime/stream.hpp"

namespace har {

using namespace smldist;

namespace {

/// Bytes of standard input as soon as there are some; 0 at its end. Throws io_error.
std::size_t read_standard_input(char* to, std::size_t n) {
    for (;;) {
        const ssize_t got = ::read(STDIN_FILENO, to, n);
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno == EAGAIN || errno == EWOULDBLOCK) { // somebody made it non-blocking
            pollfd wait{STDIN_FILENO, POLLIN, 0};
            ::poll(&wait, 1, -1);
        } else if (errno != EINTR)
            raise<io_error>("standard input", "cannot be read: ", std::generic_category().message(errno));
    }
}

} // namespace

void predict_stream(const options& o) {
    const interruptible nothing_to_save;
    const auto m = as_model(o.model, [](const std::string& path) { return deploy::load(path); });
    const auto &channels = m.facts.channels, &labels = m.facts.labels;
    const std::size_t L = m.facts.window;
    runtime::stream_options how = o.decisions;
    if (how.hop == 0) how.hop = m.facts.hop;
    runtime::stream stream(m.net, how);
    data::csv_reader in("standard input", read_standard_input, channels);
    std::vector<float> sample(channels.size());
    const answers say(labels);
    output out;
    if (!o.json) out.add(say.header());
    std::uint64_t number = 0;
    while (in.next_row()) {
        for (std::size_t c = 0; c < sample.size(); ++c) sample[c] = in.number(c);
        if (++number == 1) {
            tell_ignored(in, o.quiet);
            out.flush();
        }
        const auto* d = stream.push(sample);
        if (d) {
            const auto first = static_cast<std::size_t>(d->first);
            out.add(o.json ? say.object(first, d->label, d->probabilities).dump() + "\n"
                           : say.line(first, d->label, d->probabilities));
            out.flush();
        } else if (number >= L && (number - L) % stream.hop() == 0)
            refuse(in.name(), in.line() - L + 1, number - L, stream.window(), channels);
    }
    out.flush();
    if (number < L && !o.quiet)
        std::fprintf(stderr, "%s: number of samples is %llu, a window has %zu: nothing was decided\n",
                     in.name().c_str(), static_cast<unsigned long long>(number), L);
}

} // namespace har
