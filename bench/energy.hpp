// SPDX-License-Identifier: BSD-3-Clause
/// The cost of a computation beyond time: joules where a counter can be read, otherwise instructions. Linux only.
#ifndef BENCH_ENERGY_HPP
#define BENCH_ENERGY_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace bench {

/// The energy of this machine since the meter was made: of packages and memory by powercap (RAPL), or of the rails that
/// INA2xx and INA3221 sensors watch. It counts everything that the machine does, so run nothing else.
class energy_meter {
public:
    explicit energy_meter(const std::filesystem::path& root = "/sys/class") {
        find_counters(root / "powercap");
        if (counters_.empty()) find_sensors(root / "hwmon");
        if (!sensors_.empty()) sampler_ = std::thread([this] { sample(); });
        if (source_.empty())
            source_ = "none: neither " + (root / "powercap").string() + " nor " + (root / "hwmon").string() +
                      " has a counter that this process may read";
    }
    ~energy_meter() {
        done_ = true;
        if (sampler_.joinable()) sampler_.join();
    }
    energy_meter(const energy_meter&) = delete;
    energy_meter& operator=(const energy_meter&) = delete;

    /// Names what is read, or says why nothing can be read.
    const std::string& source() const { return source_; }
    bool works() const { return !counters_.empty() || !sensors_.empty(); }

    double joules() {
        double sum = 0;
        for (counter& c : counters_) {
            const auto now = read<std::uint64_t>(c.zone / "energy_uj").value_or(c.last);
            c.total += now >= c.last ? now - c.last : now + c.range - c.last; // the counter wraps
            c.last = now;
            sum += 1e-6 * double(c.total);
        }
        return sensors_.empty() ? sum : sampled_.load();
    }

private:
    struct counter {
        std::filesystem::path zone;
        std::uint64_t range, last, total = 0;
    };
    /// A power in µW, or a voltage in mV and a current in mA.
    struct sensor {
        std::filesystem::path power, voltage, current;
        double watts() const {
            if (!power.empty()) return 1e-6 * read<double>(power).value_or(0);
            return 1e-6 * read<double>(voltage).value_or(0) * read<double>(current).value_or(0);
        }
    };

    template <class T> static std::optional<T> read(const std::filesystem::path& file) {
        T value{};
        if (std::ifstream in(file); in >> value) return value;
        return std::nullopt;
    }
    static std::vector<std::filesystem::path> folders(const std::filesystem::path& of) {
        std::error_code missing;
        std::vector<std::filesystem::path> found;
        for (const auto& entry : std::filesystem::directory_iterator(of, missing)) found.push_back(entry.path());
        std::sort(found.begin(), found.end());
        return found;
    }
    void note(const std::string& name) { source_ += (source_.empty() ? "" : ", ") + name; }

    void find_counters(const std::filesystem::path& powercap) {
        for (const auto& zone : folders(powercap)) {
            const std::string name = read<std::string>(zone / "name").value_or("");
            const auto now = read<std::uint64_t>(zone / "energy_uj");
            if (!now || !(name.starts_with("package") || name == "dram"))
                continue; // the package includes core and uncore
            counters_.push_back({zone, read<std::uint64_t>(zone / "max_energy_range_uj").value_or(0), *now});
            note(name);
        }
    }
    void find_sensors(const std::filesystem::path& hwmon) {
        for (const auto& chip : folders(hwmon)) {
            const std::string name = read<std::string>(chip / "name").value_or("");
            if (!name.starts_with("ina2") && !name.starts_with("ina3")) continue;
            for (int rail = 1; rail <= 3; ++rail) {
                const std::string n = std::to_string(rail);
                sensor s{chip / ("power" + n + "_input"), chip / ("in" + n + "_input"),
                         chip / ("curr" + n + "_input")};
                if (!read<double>(s.power)) s.power.clear();
                if (s.power.empty() && !(read<double>(s.voltage) && read<double>(s.current))) continue;
                sensors_.push_back(s);
                note(name + " rail " + n);
            }
        }
    }
    /// Integrates power over time, 500 samples per second.
    void sample() {
        using clock = std::chrono::steady_clock;
        double sum = 0;
        for (auto last = clock::now(); !done_;) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            double watts = 0;
            for (const sensor& s : sensors_) watts += s.watts();
            const auto now = clock::now();
            sum += watts * std::chrono::duration<double>(now - std::exchange(last, now)).count();
            sampled_ = sum;
        }
    }

    std::string source_;
    std::vector<counter> counters_;
    std::vector<sensor> sensors_;
    std::atomic<double> sampled_{0};
    std::atomic<bool> done_{false};
    std::thread sampler_;
};

/// The instructions that f executes, counted by single-stepping a child process; none where the system does not allow
/// it. About 4 µs per instruction. f must stay on its thread.
template <class F> std::optional<std::uint64_t> instructions_of(const F& f) {
    const pid_t child = fork();
    if (child < 0) return std::nullopt;
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
        raise(SIGSTOP);
        f();
        raise(SIGSTOP);
        _exit(0);
    }
    int status = 0;
    std::uint64_t count = 0;
    bool counted = false;
    if (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
        while (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) == 0 && waitpid(child, &status, 0) == child &&
               WIFSTOPPED(status)) {
            if (WSTOPSIG(status) == SIGSTOP && count > 0) {
                counted = true;
                break;
            }
            ++count;
        }
    if (!WIFEXITED(status)) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
    return counted ? std::optional(count) : std::nullopt;
}

} // namespace bench

#endif
