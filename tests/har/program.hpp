// SPDX-License-Identifier: BSD-3-Clause
/// Runs the program har in a folder of its own, for tests.
#ifndef TESTS_HAR_PROGRAM_HPP
#define TESTS_HAR_PROGRAM_HPP

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <vector>

namespace har_tests {

inline std::string contents(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

inline void write(const std::filesystem::path& file, const std::string& text) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
}

/// `part` in single quotes for the shell, whatever it holds.
inline std::string shell_word(const std::string& part) {
    std::string word = "'";
    for (const char c : part) word += c == '\'' ? "'\\''" : std::string(1, c);
    return word + "'";
}

/// A folder that is removed at the end.
struct folder {
    std::filesystem::path path;
    folder() {
        std::string name = (std::filesystem::temp_directory_path() / "smldist-har-XXXXXX").string();
        path = mkdtemp(name.data());
    }
    ~folder() { std::filesystem::remove_all(path); }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    std::filesystem::path operator/(const std::string& name) const { return path / name; }
};

struct answer {
    int code = -1; ///< 1000 + n after signal n
    std::string out, err;

    /// The last line of stdout as JSON.
    nlohmann::json last() const {
        const std::string text = out.substr(0, out.find_last_not_of('\n') + 1);
        return nlohmann::json::parse(text.substr(text.rfind('\n') + 1));
    }
};

/// `har ARGUMENTS` in the folder, the shell's words as they are, after the shell command `before`.
inline answer run(const folder& at, const std::string& arguments, const std::string& before = "true") {
    const std::string command = "cd " + shell_word(at.path.string()) + " && " + before + " && " +
                                shell_word(SMLDIST_HAR) + " " + arguments + " >out.txt 2>err.txt";
    const int status = std::system(command.c_str());
    answer a;
    a.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    a.out = contents(at.path / "out.txt");
    a.err = contents(at.path / "err.txt");
    return a;
}

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
inline constexpr bool sanitized = __has_feature(address_sanitizer);
#else
inline constexpr bool sanitized = false;
#endif

/// A shell command that limits the address space (in KiB) and the processor's seconds of what follows; AddressSanitizer
/// takes terabytes of addresses, and several times the time.
inline std::string limits(std::size_t kib, std::size_t seconds) {
    return sanitized ? "true" : "ulimit -v " + std::to_string(kib) + " && ulimit -t " + std::to_string(seconds);
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The options of the shortest run of distill.
inline const std::string quick = " --preset har_nano --teacher-preset har_nano --epochs 1 --teacher-epochs 1 ";

/// The words with a separator between them.
inline std::string joined(const std::vector<std::string>& words, const std::string& separator = ",") {
    std::string line;
    for (const auto& word : words) line += (&word == &words.front() ? "" : separator) + word;
    return line;
}

} // namespace har_tests

#endif
