// SPDX-License-Identifier: BSD-3-Clause
/// predict: from a file, or from standard input as the samples come. One reader, one rule for what cannot be answered: it is
/// a data_error, and no answer is printed for it.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "commands.hpp"
#include "load_model.hpp"
#include "signals.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/data/csv_reader.hpp"
#include "smldist/data/window.hpp"
#include "smldist/deploy/load.hpp"
#include "smldist/io/json.hpp"
#include "smldist/runtime/stream.hpp"
#include "smldist/train/evaluate.hpp"

namespace har {

using namespace smldist;

namespace {

/// Standard output in writes of whole lines, together at most a pipe's atomic write: a program that is ended leaves no
/// broken line.
class output {
public:
    /// A line with its end, or a piece of a long one.
    void add(std::string_view text) {
        if (text_.size() + text.size() > page) flush();
        text_ += text;
    }
    /// Throws io_error.
    void flush() {
        if (std::fwrite(text_.data(), 1, text_.size(), stdout) != text_.size() || std::fflush(stdout) != 0)
            raise<io_error>("standard output", "cannot be written");
        text_.clear();
    }

private:
    static constexpr std::size_t page = 4096;
    std::string text_;
};

/// A text from a model file as a field of a CSV: control characters made visible, quoted by RFC 4180 where it must be.
std::string csv_field(std::string_view text) {
    const std::string s = printable(text);
    if (s.find_first_of(",\"") == s.npos && !s.starts_with(' ') && !s.ends_with(' ')) return s;
    std::string quoted = "\"";
    for (const char c : s) quoted.append(c == '"' ? 2 : 1, c);
    return quoted + "\"";
}

/// What is said of windows, as lines of a CSV or as JSON objects.
class answers {
public:
    explicit answers(const std::vector<std::string>& labels) : labels_(labels) {
        for (const auto& label : labels) fields_.push_back(csv_field(label));
    }
    std::string header() const {
        std::string s = "first_sample,label";
        for (const auto& field : fields_) s += "," + field;
        return s + "\n";
    }
    std::string line(std::size_t first, std::size_t label, std::span<const float> probabilities) const {
        std::string s = std::to_string(first) + "," + fields_[label];
        char digits[32];
        for (const float p : probabilities) {
            std::snprintf(digits, sizeof digits, ",%.6f", double(p));
            s += digits;
        }
        return s + "\n";
    }
    io::json object(std::size_t first, std::size_t label, std::span<const float> probabilities) const {
        io::json::array list;
        for (const float p : probabilities) list.emplace_back(double(p));
        io::json j;
        j.set("first_sample", first);
        j.set("label", labels_[label]);
        j.set("probabilities", std::move(list));
        return j;
    }

private:
    const std::vector<std::string>& labels_;
    std::vector<std::string> fields_;
};

/// Says which columns of the CSV the model does not read.
void tell_ignored(const data::csv_reader& in, bool quiet) {
    if (quiet || in.ignored().empty()) return;
    std::string names;
    for (const auto& name : in.ignored()) {
        if (names.size() > 200) {
            names += ", ...";
            break;
        }
        names += (names.empty() ? "" : ", ") +
                 (name.empty() ? "the first, without a name" : printable(name.substr(0, 40)));
    }
    std::fprintf(stderr, "%s: columns that are no channels of the model, ignored: %s\n", in.name().c_str(),
                 names.c_str());
}

/// Throws the data_error for a window (L, C) of finite values, read from line `line` on, whose answer is not finite.
[[noreturn]] void refuse(const std::string& where, std::size_t line, std::uint64_t first,
                         std::span<const float> window, const std::vector<std::string>& channels) {
    const auto largest =
        std::max_element(window.begin(), window.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
    const auto at = static_cast<std::size_t>(largest - window.begin());
    const std::size_t C = channels.size();
    char value[32];
    std::snprintf(value, sizeof value, "%g", double(*largest));
    raise<data_error>(where + ":" + std::to_string(line + at / C), channels[at % C], " is ", value,
                      ", expected a value in the model's units: the window of samples ", first, " to ",
                      first + window.size() / C - 1, " has no finite answer");
}

/// A file of samples: no two copies of them, and none of its bytes.
struct recording {
    std::vector<float> values; ///< (n, C)
    std::size_t first_line = 0;
};

recording read_samples(const options& o, const std::vector<std::string>& channels) {
    data::csv_reader in(o.input, channels);
    recording r;
    while (in.next_row()) {
        if (r.values.empty()) {
            r.first_line = in.line();
            tell_ignored(in, o.quiet);
        }
        for (std::size_t c = 0; c < channels.size(); ++c) r.values.push_back(in.number(c));
    }
    if (in.line() == 0) raise<data_error>(o.input, "file is empty, expected samples");
    return r;
}

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

void predict(const options& o) {
    if (o.input.empty()) raise<usage_error>("predict", "no --input is given, expected one, or --stream");
    const interruptible nothing_to_save;
    const auto m = load_model(o.model);
    const auto &channels = m.facts.channels, &labels = m.facts.labels;
    const std::size_t L = m.facts.window, C = channels.size(), N = labels.size();
    const std::size_t hop = o.hop > 0 ? o.hop : m.facts.hop;
    const recording samples = read_samples(o, channels);
    const std::size_t n = samples.values.size() / C;
    if (n < L) raise<data_error>(o.input, "number of samples is ", n, ", expected at least one window of ", L);

    const std::size_t count = (n - L) / hop + 1, at_once = std::min<std::size_t>(count, 128);
    std::vector<float> probabilities; // (count, N)
    std::vector<double> energy;       // Hopfield energy of every window for --json, when the head is a memory
    probabilities.reserve(count * N);
    data::windows batch;
    batch.info.labels = labels;
    for (std::size_t begin = 0; begin < count; begin += at_once) {
        const std::size_t size = std::min(at_once, count - begin);
        if (batch.size() != size) batch.x = tensor<float>::uninitialized({size, L, C});
        batch.label.assign(size, 0);
        batch.subject.assign(size, 0);
        const auto window = [&](std::size_t i) {
            return std::span(samples.values).subspan((begin + i) * hop * C, L * C);
        };
        for (std::size_t i = 0; i < size; ++i) std::copy_n(window(i).data(), L * C, batch.x.data() + i * L * C);
        const auto keep = [&](std::size_t, const outputs<tensor<float>>& out) {
            std::vector<float> energies;
            if (o.json && m.net.memory())
                for (const float e : m.net.memory()->energy(out.memory.scores)) energies.push_back(e);
            for (std::size_t i = 0; i < size; ++i) {
                bool finite = energies.empty() || std::isfinite(energies[i]);
                for (std::size_t k = 0; k < N; ++k) finite = finite && std::isfinite(out.logits(i, k));
                const std::size_t first = (begin + i) * hop;
                if (!finite) refuse(o.input, samples.first_line + first, first, window(i), channels);
            }
            const tensor<float> p = op::softmax(out.logits);
            probabilities.insert(probabilities.end(), p.begin(), p.end());
            energy.insert(energy.end(), energies.begin(), energies.end());
        };
        train::for_each_batch(m.net, batch, m.facts.normaliser, keep, at_once);
    }

    const answers say(labels);
    output out;
    out.add(o.json ? "{\"windows\":[" : say.header());
    for (std::size_t i = 0; i < count; ++i) {
        const auto p = std::span(probabilities).subspan(i * N, N);
        const auto label = static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
        if (!o.json) {
            out.add(say.line(i * hop, label, p));
            continue;
        }
        io::json j = say.object(i * hop, label, p);
        if (!energy.empty()) j.set("energy", energy[i]);
        out.add((i == 0 ? "" : ",") + j.dump());
    }
    if (o.json) out.add("]}\n");
    out.flush();
}

void predict_stream(const options& o) {
    const interruptible nothing_to_save;
    const auto m = as_model(o.model, [](const std::string& path) { return deploy::load(path); });
    const auto &channels = m.facts.channels, &labels = m.facts.labels;
    const std::size_t L = m.facts.window;
    runtime::stream stream(m.net, {o.hop > 0 ? o.hop : m.facts.hop, o.smoothing});
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
