// SPDX-License-Identifier: BSD-3-Clause
/// The repository's files as lines, for the rules on files.
#ifndef SMLDIST_TESTS_HOUSE_TREE_HPP
#define SMLDIST_TESTS_HOUSE_TREE_HPP

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;

/// Path below the repository's root → lines.
using tree = std::map<std::string, std::vector<std::string>>;
using complaints = std::vector<std::string>;

inline const fs::path root = SMLDIST_SOURCE_DIR;
inline const std::string headers = "include/smldist/";

inline std::vector<std::string> lines_of(const fs::path& file) {
    std::ifstream in(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

inline tree read(const std::vector<std::string>& folders,
                 const std::set<std::string>& extensions = {".hpp", ".cpp", ".ipp"}) {
    tree files;
    for (const auto& folder : folders) {
        if (!fs::is_directory(root / folder)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            if (!extensions.count(entry.path().extension().string())) continue;
            files[fs::relative(entry.path(), root).generic_string()] = lines_of(entry.path());
        }
    }
    return files;
}

/// "core" of include/smldist/core/shape.hpp; "" for a header directly in include/smldist.
inline std::string folder_of(const std::string& path) {
    const std::string below = path.substr(headers.size());
    const std::size_t slash = below.find('/');
    return slash == std::string::npos ? "" : below.substr(0, slash);
}

inline std::string at(const std::string& path, std::size_t line) {
    return path + ":" + std::to_string(line + 1) + ": ";
}

inline void each_line(const tree& files,
                      const std::function<void(const std::string&, std::size_t, const std::string&)>& f) {
    for (const auto& [path, lines] : files)
        for (std::size_t i = 0; i < lines.size(); ++i) f(path, i, lines[i]);
}

/// f(path, line, name, quoted) for every #include.
inline void each_include(const tree& files,
                         const std::function<void(const std::string&, std::size_t, const std::string&, bool)>& f) {
    static const std::regex include(R"(\s*#\s*include\s*([<"])([^>"]+)[>"].*)");
    each_line(files, [&](const std::string& path, std::size_t i, const std::string& line) {
        std::smatch m;
        if (line.find('#') != std::string::npos && std::regex_match(line, m, include)) f(path, i, m[2], m[1] == "\"");
    });
}

inline void expect_none(const complaints& found) {
    for (const auto& complaint : found) FAIL_CHECK(complaint);
}

inline const tree& library() {
    static const tree files = read({"include"}, {".hpp"});
    return files;
}

/// The headers, and the .ipp files with the bodies of functions that smldist::compiled contains.
inline const tree& library_with_bodies() {
    static const tree files = read({"include"}, {".hpp", ".ipp"});
    return files;
}

#endif
