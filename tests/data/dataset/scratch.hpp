// SPDX-License-Identifier: BSD-3-Clause
/// What the tests of the dataset loaders share: a folder for made-up files, messages, and the published sets.
#ifndef TESTS_DATA_DATASET_SCRATCH_HPP
#define TESTS_DATA_DATASET_SCRATCH_HPP

#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>

#include "../../io/memory_limit.hpp"
#include "smldist/core/error.hpp"

/// A new folder, removed at the end.
class scratch_folder {
public:
    scratch_folder() {
        static int number = 0;
        path_ = std::filesystem::temp_directory_path() /
                ("smldist_data_" + std::to_string(::getpid()) + "_" + std::to_string(number++));
        std::filesystem::create_directories(path_);
    }
    ~scratch_folder() { std::filesystem::remove_all(path_); }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;

    const std::filesystem::path& path() const { return path_; }
    void write(const std::string& file, const std::string& text) const {
        std::filesystem::create_directories((path_ / file).parent_path());
        std::ofstream(path_ / file, std::ios::binary) << text;
    }
    std::string read(const std::string& file) const {
        std::ifstream in(path_ / file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void remove(const std::string& file) const { std::filesystem::remove_all(path_ / file); }

private:
    std::filesystem::path path_;
};

/// The message of the data_error that `f` raises; "" when it raises none.
template <class F> std::string complaint(F&& f) {
    try {
        f();
    } catch (const smldist::data_error& e) { return e.what(); }
    return "";
}

/// Checks in a process of its own that `f` raises a data_error with `what` in its message, or none for "", as soon and with as little memory as
/// SECURITY.md says of a set of so many bytes.
template <class F> void within_promise(std::size_t bytes, const std::string& what, F&& f) {
    CAPTURE(what);
    const cost c = measured([&] {
        const std::string message = complaint(f);
        const bool good = what.empty() ? message.empty() : message.find(what) != std::string::npos;
        if (!good) std::fprintf(stderr, "%s\n", message.c_str());
        return good;
    });
    CHECK(c.end == ending::as_wanted);
    CHECK_MESSAGE(keeps_promise(c, 2 * bytes), c.seconds, " s, ", c.bytes >> 10, " KiB of ", bytes >> 10);
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// `text` with its first `from` replaced by `to`.
inline std::string swapped(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

/// The folder of a published set below SMLDIST_DATA or ~/.cache/smldist-data; says so and is empty when there is none.
inline std::filesystem::path published(const std::string& name) {
    const char *folder = std::getenv("SMLDIST_DATA"), *home = std::getenv("HOME");
    const std::filesystem::path base = folder ? std::filesystem::path(folder)
                                       : home ? std::filesystem::path(home) / ".cache/smldist-data"
                                              : std::filesystem::path(".");
    if (std::filesystem::is_directory(base / name)) return base / name;
    MESSAGE("skipped: no " << name << " in '" << base.string() << "'; set SMLDIST_DATA");
    return {};
}

#endif
