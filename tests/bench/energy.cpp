// SPDX-License-Identifier: BSD-3-Clause
#include "../../bench/energy.hpp"

#include <chrono>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace fs = std::filesystem;

namespace {

/// A folder like /sys/class.
struct system_folder {
    fs::path root;
    system_folder() {
        std::string name = (fs::temp_directory_path() / "smldist-energy-XXXXXX").string();
        root = mkdtemp(name.data());
    }
    ~system_folder() { fs::remove_all(root); }
    void write(const std::string& file, const std::string& text) const {
        fs::create_directories((root / file).parent_path());
        std::ofstream(root / file) << text << "\n";
    }
};

} // namespace

TEST_CASE("energy: counters of packages and memory are added, and wrap") {
    const system_folder at;
    const auto zone = [&](const std::string& id, const std::string& name, const std::string& microjoules) {
        at.write("powercap/" + id + "/name", name);
        at.write("powercap/" + id + "/energy_uj", microjoules);
        at.write("powercap/" + id + "/max_energy_range_uj", "10000000");
    };
    zone("intel-rapl:0", "package-0", "9000000");
    zone("intel-rapl:0:0", "core", "1000");
    zone("intel-rapl:0:1", "dram", "500000");
    bench::energy_meter meter(at.root);
    CHECK(meter.works());
    CHECK(meter.source() == "package-0, dram");
    CHECK(meter.joules() == 0);
    zone("intel-rapl:0", "package-0", "2000000");
    zone("intel-rapl:0:0", "core", "5000000");
    zone("intel-rapl:0:1", "dram", "1000000");
    CHECK(meter.joules() == doctest::Approx(3.5));
    CHECK(meter.joules() == doctest::Approx(3.5));
}

TEST_CASE("energy: the power of sensors is summed over time") {
    const system_folder at;
    at.write("hwmon/hwmon0/name", "coretemp");
    at.write("hwmon/hwmon0/power1_input", "99000000");
    at.write("hwmon/hwmon1/name", "ina3221");
    at.write("hwmon/hwmon1/in1_input", "5000");
    at.write("hwmon/hwmon1/curr1_input", "2000");
    at.write("hwmon/hwmon2/name", "ina226");
    at.write("hwmon/hwmon2/power1_input", "3000000");
    const auto begin = std::chrono::steady_clock::now();
    bench::energy_meter meter(at.root);
    CHECK(meter.source() == "ina3221 rail 1, ina226 rail 1");
    double joules = 0;
    while ((joules = meter.joules()) == 0) std::this_thread::yield();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    CHECK(joules > 13 * 0.001);
    CHECK(joules <= 13 * seconds);
}

TEST_CASE("energy: a machine without counters is told so") {
    const system_folder at;
    bench::energy_meter meter(at.root);
    CHECK_FALSE(meter.works());
    CHECK(meter.joules() == 0);
    CHECK(meter.source().starts_with("none: neither " + at.root.string()));
}

TEST_CASE("energy: instructions are counted one by one") {
    const auto of_loop = [](std::uint64_t rounds) {
        return bench::instructions_of([rounds] {
            volatile std::uint64_t sink = 0;
            for (std::uint64_t i = 0; i < rounds; ++i) sink = i;
            static_cast<void>(sink);
        });
    };
    const auto few = of_loop(100), many = of_loop(1100);
    if (!few) {
        MESSAGE("this system does not let a process trace its child");
        return;
    }
    REQUIRE(many);
    CHECK(*many > *few + 2 * 1000);
    CHECK(*many < *few + 20 * 1000);
    CHECK(*of_loop(100) == *few);
}
