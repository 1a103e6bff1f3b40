// SPDX-License-Identifier: BSD-3-Clause
/// A worker of bench/peers: it executes the commands on standard input, one per line, and blocks in between.
///
///     time FORM MODEL TASK BATCH SECONDS    answers the median time of a run in nanoseconds
///     outputs FORM MODEL TASK BATCH         answers numbers that all workers must agree on: logits, or training losses
///
/// Errors are answered as "error TEXT".
#ifndef SMLDIST_PEERS_WORKER_HPP
#define SMLDIST_PEERS_WORKER_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <sched.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace peers {

/// What a model reads and gives. An image is its pixels row by row: length is height times width.
struct sample {
    std::size_t length = 128, channels = 9, classes = 6;
    std::size_t side = 0; ///< height and width of an image
    std::size_t size() const { return length * channels; }
};
inline sample sample_of(std::string_view model) {
    if (model == "mobilenet_v3_small_32x32") return {32 * 32, 3, 10, 32};
    if (model == "mobilenet_v3_small_96x96") return {96 * 96, 3, 10, 96};
    if (model == "mlp") return {1, 64, 10};
    return {};
}

/// A request.
struct request {
    std::string form, model, task;
    std::size_t batch = 0;
};

/// The job for a request: what is timed, and what is compared.
struct job {
    std::function<void()> run;
    std::function<std::vector<double>()> outputs;
};

/// A whole file as values of type V.
template <class V> std::vector<V> read_values(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::vector<V> values(static_cast<std::size_t>(file.tellg()) / sizeof(V));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(V)));
    return values;
}

/// Pins the calling thread to the first core that the process may use, and the threads that `make` starts to the
/// others: a thread that wakes up on the core of the thread waiting for it would cost a time slice. With one core it
/// only calls `make`.
template <class Make> auto bound(Make make) {
    static const cpu_set_t all = [] {
        cpu_set_t set;
        ::sched_getaffinity(0, sizeof set, &set);
        return set;
    }();
    cpu_set_t first, others = all;
    CPU_ZERO(&first);
    int core = 0;
    while (!CPU_ISSET(core, &all)) ++core;
    CPU_SET(core, &first);
    CPU_CLR(core, &others);
    if (CPU_COUNT(&others) == 0) return make();
    struct restore {
        const cpu_set_t& set;
        ~restore() { ::sched_setaffinity(0, sizeof set, &set); }
    };
    ::sched_setaffinity(0, sizeof others, &others);
    const restore back{first};
    return make();
}

/// Median time of one run in nanoseconds, over as many runs as fit into `seconds`, after one warm-up run.
inline double median_nanoseconds(const std::function<void()>& run, double seconds) {
    using clock = std::chrono::steady_clock;
    using nanoseconds = std::chrono::duration<double, std::nano>;
    run();
    std::vector<double> times;
    const auto end = clock::now() + std::chrono::duration<double>(seconds);
    for (auto before = clock::now(); times.empty() || before < end;) {
        run();
        const auto after = clock::now();
        times.push_back(nanoseconds(after - before).count());
        before = after;
    }
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
}

/// Serves requests. `make(request)` returns the job, which is kept until another model, task or batch is requested.
template <class Make> int serve(Make make) {
    std::map<std::string, job> jobs; // the jobs of one case, by form
    std::string present;
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string what;
        request r;
        double seconds = 0;
        words >> what >> r.form >> r.model >> r.task >> r.batch >> seconds;
        try {
            const std::string wanted = r.model + ' ' + r.task + ' ' + std::to_string(r.batch);
            if (present != wanted) jobs.clear();
            present = wanted;
            auto found = jobs.find(r.form);
            if (found == jobs.end()) found = jobs.emplace(r.form, make(r)).first;
            if (what == "time")
                std::printf("%.1f", median_nanoseconds(found->second.run, seconds));
            else
                for (const double v : found->second.outputs()) std::printf("%.9g ", v);
            std::printf("\n");
        } catch (const std::exception& e) { std::printf("error %s\n", e.what()); }
        std::fflush(stdout);
    }
    return 0;
}

} // namespace peers

#endif
