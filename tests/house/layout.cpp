// SPDX-License-Identifier: BSD-3-Clause
/// The rules on files: who includes whom, form, a test for every header, fwd.hpp and smldist.hpp in step.
#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "smldist/spec/all.hpp"

namespace fs = std::filesystem;

namespace {

/// Path below the repository's root → lines.
using tree = std::map<std::string, std::vector<std::string>>;
using complaints = std::vector<std::string>;

const fs::path root = SMLDIST_SOURCE_DIR;
const std::string headers = "include/smldist/";

/// Which folder may include which, apart from itself.
const std::map<std::string, std::set<std::string>> may_include{
    {"core", {}},
    {"kernel", {"core"}},
    {"autograd", {"core"}},
    {"spec", {"core"}},
    {"graph", {"core", "spec", "io"}},
    {"op", {"core", "kernel", "autograd", "graph", "spec"}},
    {"nn", {"core", "op"}},
    {"model", {"core", "graph", "op", "nn", "io"}},
    {"loss", {"core", "kernel", "op", "nn"}},
    {"optim", {"core", "autograd", "kernel"}},
    {"metric", {"core"}},
    {"data", {"core"}},
    {"io", {"core"}},
    {"runtime", {"core", "kernel"}},
    {"deploy", {"core", "kernel", "spec", "graph", "io", "runtime"}},
    {"train", {"core", "autograd", "op", "loss", "optim", "metric", "data"}},
    {"distill", {"core", "autograd", "graph", "op", "loss", "optim", "data", "deploy", "train"}},
    {"search", {"core", "autograd", "graph", "op", "loss", "metric", "data", "train"}},
    {"ref2021", {"core", "kernel", "optim", "op", "nn", "model", "loss", "train", "distill", "graph"}},
    {"testing", {"core", "autograd", "op"}},
};

tree read(const std::vector<std::string>& folders,
          const std::set<std::string>& extensions = {".hpp", ".cpp", ".ipp"}) {
    tree files;
    for (const auto& folder : folders) {
        if (!fs::is_directory(root / folder)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            if (!extensions.count(entry.path().extension().string())) continue;
            auto& lines = files[fs::relative(entry.path(), root).generic_string()];
            std::ifstream in(entry.path());
            for (std::string line; std::getline(in, line);) lines.push_back(line);
        }
    }
    return files;
}

/// "core" of include/smldist/core/shape.hpp; "" for a header directly in include/smldist.
std::string folder_of(const std::string& path) {
    const std::string below = path.substr(headers.size());
    const std::size_t slash = below.find('/');
    return slash == std::string::npos ? "" : below.substr(0, slash);
}

std::string at(const std::string& path, std::size_t line) { return path + ":" + std::to_string(line + 1) + ": "; }

void each_line(const tree& files, const std::function<void(const std::string&, std::size_t, const std::string&)>& f) {
    for (const auto& [path, lines] : files)
        for (std::size_t i = 0; i < lines.size(); ++i) f(path, i, lines[i]);
}

/// f(path, line, name, quoted) for every #include.
void each_include(const tree& files,
                  const std::function<void(const std::string&, std::size_t, const std::string&, bool)>& f) {
    static const std::regex include(R"(\s*#\s*include\s*([<"])([^>"]+)[>"].*)");
    each_line(files, [&](const std::string& path, std::size_t i, const std::string& line) {
        std::smatch m;
        if (line.find('#') != std::string::npos && std::regex_match(line, m, include)) f(path, i, m[2], m[1] == "\"");
    });
}

complaints edges(const tree& files) {
    complaints found;
    each_include(files, [&](const std::string& path, std::size_t i, const std::string& name, bool quoted) {
        const std::string from = folder_of(path);
        if (!quoted || from.empty()) return;
        if (name.rfind("smldist/", 0) != 0) {
            found.push_back(at(path, i) + "\"" + name + "\", expected \"smldist/...\"");
            return;
        }
        const std::string to = folder_of("include/" + name);
        if (name == "smldist/smldist.hpp")
            found.push_back(at(path, i) + "the umbrella is for programs, not for headers");
        else if (!may_include.count(from))
            found.push_back(at(path, i) + "folder " + from + " is not in the table of folders");
        else if (to != from && !to.empty() && !may_include.at(from).count(to))
            found.push_back(at(path, i) + from + " may not include " + to);
    });
    return found;
}

complaints cycles(const tree& files) {
    std::map<std::string, std::vector<std::string>> next;
    each_include(files, [&](const std::string& path, std::size_t, const std::string& name, bool quoted) {
        if (quoted) next[path].push_back("include/" + name);
    });
    complaints found;
    std::map<std::string, int> state; // 0 new, 1 on the path, 2 done
    const std::function<void(const std::string&)> visit = [&](const std::string& path) {
        state[path] = 1;
        for (const auto& to : next[path]) {
            if (state[to] == 1) found.push_back(path + ": includes " + to + ", which includes it");
            if (state[to] == 0) visit(to);
        }
        state[path] = 2;
    };
    for (const auto& [path, lines] : files)
        if (state[path] == 0) visit(path);
    return found;
}

complaints seams(const tree& files) {
    complaints found;
    each_include(files, [&](const std::string& path, std::size_t i, const std::string& name, bool quoted) {
        const std::size_t slash = name.find('/');
        if (quoted || slash == std::string::npos) return;
        const std::string library = name.substr(0, slash);
        const bool allowed = library == "sys" ||
                             ((library == "xtensor" || library == "xtl") && path == headers + "core/tensor.hpp") ||
                             (library == "xsimd" && path == headers + "kernel/simd_xsimd.hpp");
        if (!allowed) found.push_back(at(path, i) + "<" + name + "> outside its seam");
    });
    return found;
}

complaints form_of_headers(const tree& files) {
    static const std::set<std::string> directly{"", "core", "autograd", "graph"};
    static const std::string operators = headers + "op/arithmetic.hpp"; // for argument-dependent lookup
    static const std::string umbrella = headers + "smldist.hpp";        // it instantiates what others declare
    complaints found;
    for (const auto& [path, lines] : files) {
        std::string guard = path.substr(std::string("include/").size());
        std::transform(guard.begin(), guard.end(), guard.begin(),
                       [](unsigned char c) { return std::isalnum(c) ? static_cast<char>(std::toupper(c)) : '_'; });
        const auto has = [&text = lines](const std::string& line) {
            return std::find(text.begin(), text.end(), line) != text.end();
        };
        if (lines.size() > 500)
            found.push_back(path + ": " + std::to_string(lines.size()) + " lines, expected at most 500");
        if (!has("#ifndef " + guard) || !has("#define " + guard) || lines.empty() || lines.back() != "#endif")
            found.push_back(path + ": expected the include guard " + guard);
        const std::string folder = folder_of(path);
        const std::string space = "namespace smldist" + (directly.count(folder) ? "" : "::" + folder);
        for (std::size_t i = 0; i < lines.size(); ++i) {
            if (lines[i].rfind("namespace smldist", 0) != 0) continue;
            if (!folder.empty() && lines[i].rfind(space + " {", 0) != 0 && lines[i].rfind(space + "::", 0) != 0 &&
                !(path == operators && lines[i] == "namespace smldist {"))
                found.push_back(at(path, i) + "expected " + space);
            if (path != umbrella && (i + 1 == lines.size() || lines[i + 1] != "SMLDIST_NAMESPACE_BEGIN"))
                found.push_back(at(path, i) + "expected SMLDIST_NAMESPACE_BEGIN in the next line");
        }
    }
    each_line(files, [&](const std::string& path, std::size_t i, const std::string& line) {
        if (line.rfind("using namespace", 0) == 0) found.push_back(at(path, i) + "using namespace");
    });
    return found;
}

complaints form_of_all(const tree& files) {
    static const std::regex unfinished("\\b(TO"
                                       "DO|FIX"
                                       "ME|X"
                                       "XX|HA"
                                       "CK)\\b");
    complaints found;
    for (const auto& [path, lines] : files)
        if (lines.empty() || lines[0] != "// SPDX-License-Identifier: BSD-3-Clause")
            found.push_back(path + ":1: expected the SPDX line");
    each_line(files, [&](const std::string& path, std::size_t i, const std::string& line) {
        if (std::regex_search(line, unfinished)) found.push_back(at(path, i) + "unfinished");
    });
    return found;
}

complaints untested(const tree& files, const std::function<bool(const std::string&)>& exists) {
    complaints found;
    for (const auto& [path, lines] : files) {
        if (folder_of(path).empty()) continue;
        std::string test = "tests/" + path.substr(headers.size());
        test.replace(test.size() - 3, 3, "cpp");
        if (!exists(test)) found.push_back(path + ": " + test + " is missing");
    }
    return found;
}

/// The class templates declared in a file, as "nn::linear": not those in a namespace detail, not specialisations.
std::map<std::string, std::size_t> templates_of(const std::vector<std::string>& lines) {
    static const std::regex space(R"(namespace smldist((?:::\w+)*) \{)");
    static const std::regex declared(R"((?:template <.*> )?(?:class|struct) (\w+)(?: final)?(?: \{.*| :.*|;.*)?)");
    std::map<std::string, std::size_t> found;
    std::string prefix;
    bool detail = false;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::smatch m;
        if (std::regex_match(lines[i], m, space)) {
            prefix = m[1].length() ? m[1].str().substr(2) + "::" : "";
            detail = prefix.find("detail::") != std::string::npos;
        }
        if (lines[i] == "namespace detail {") detail = true;
        if (lines[i] == "} // namespace detail") detail = false;
        const bool head = lines[i].rfind("template <", 0) == 0;
        const bool head_above = i > 0 && lines[i - 1].rfind("template <", 0) == 0 && lines[i - 1].back() == '>';
        if (!detail && (head || head_above) && std::regex_match(lines[i], m, declared))
            found.emplace(prefix + m[1].str(), i);
    }
    return found;
}

/// Ops and kernels are reached through functions; every other public class template is in fwd.hpp.
complaints undeclared(const tree& files) {
    const auto forward = templates_of(files.at(headers + "fwd.hpp"));
    std::set<std::string> defined;
    complaints found;
    for (const auto& [path, lines] : files) {
        const std::string folder = folder_of(path);
        if (folder.empty() || folder == "kernel" || folder == "op" || folder == "spec") continue;
        for (const auto& [name, line] : templates_of(lines)) {
            defined.insert(name);
            const bool op = name.size() > 3 && name.compare(name.size() - 3, 3, "_op") == 0;
            if (!op && !forward.count(name)) found.push_back(at(path, line) + name + " is not in fwd.hpp");
        }
    }
    for (const auto& [name, line] : forward)
        if (!defined.count(name)) found.push_back(at(headers + "fwd.hpp", line) + name + " is defined nowhere");
    return found;
}

/// Every header is reached from the umbrella.
complaints missing_in_umbrella(const tree& files) {
    std::set<std::string> reached;
    const std::function<void(const std::string&)> reach = [&](const std::string& path) {
        if (!files.count(path) || !reached.insert(path).second) return;
        each_include({{path, files.at(path)}}, [&](const std::string&, std::size_t, const std::string& name, bool) {
            reach("include/" + name);
        });
    };
    reach(headers + "smldist.hpp");
    complaints found;
    for (const auto& [path, lines] : files)
        if (!folder_of(path).empty() && !reached.count(path))
            found.push_back(path + ": not reached from smldist.hpp");
    return found;
}

void expect_none(const complaints& found) {
    for (const auto& complaint : found) FAIL_CHECK(complaint);
}

const tree& library() {
    static const tree files = read({"include"}, {".hpp"});
    return files;
}

/// The headers, and the .ipp files with the bodies of functions that smldist::compiled contains.
const tree& library_with_bodies() {
    static const tree files = read({"include"}, {".hpp", ".ipp"});
    return files;
}

/// A well-formed header of folder op, with `body` between its lines.
tree header_of_op(const std::vector<std::string>& body) {
    std::vector<std::string> lines{"// SPDX-License-Identifier: BSD-3-Clause",
                                   "/// A file.",
                                   "#ifndef SMLDIST_OP_A_HPP",
                                   "#define SMLDIST_OP_A_HPP",
                                   "namespace smldist::op {",
                                   "SMLDIST_NAMESPACE_BEGIN"};
    lines.insert(lines.end(), body.begin(), body.end());
    lines.push_back("#endif");
    return {{headers + "op/a.hpp", lines}};
}

} // namespace

TEST_CASE("layout: the tree is found") {
    CHECK(library().count(headers + "core/tensor.hpp") == 1);
    CHECK(library().size() > 50);
}

TEST_CASE("layout: folders include only what the table allows") { expect_none(edges(library_with_bodies())); }
TEST_CASE("layout: no cycle of includes") { expect_none(cycles(library_with_bodies())); }
TEST_CASE("layout: xtensor and xsimd stay behind their seams") { expect_none(seams(library_with_bodies())); }
TEST_CASE("layout: form of the headers") { expect_none(form_of_headers(library())); }
TEST_CASE("layout: form of all files") { expect_none(form_of_all(read({"include", "tests", "examples", "bench"}))); }
TEST_CASE("layout: every header has its test") {
    expect_none(untested(library(), [](const std::string& test) { return fs::exists(root / test); }));
}
TEST_CASE("layout: fwd.hpp declares every public class template") { expect_none(undeclared(library())); }
TEST_CASE("layout: docs/architecture.md says who may include whom as it is enforced here") {
    std::ifstream in(root / "docs/architecture.md");
    std::map<std::string, std::set<std::string>> table;
    static const std::regex row(R"(\| (\w+) \| ([^;|]*)(;.*)? \|)");
    for (std::string line; std::getline(in, line);) {
        std::smatch m;
        if (!std::regex_match(line, m, row) || !may_include.count(m[1])) continue;
        std::istringstream words(m[2].str());
        auto& folders = table[m[1]];
        for (std::string word; words >> word;)
            if (may_include.count(word)) folders.insert(word);
    }
    for (const auto& [folder, others] : may_include) {
        CAPTURE(folder);
        REQUIRE(table.count(folder) == 1);
        std::string got, want;
        for (const auto& other : table[folder]) got += other + " ";
        for (const auto& other : others) want += other + " ";
        CHECK(got == want);
    }
}

TEST_CASE("layout: no code compares names of ops as text") {
    static const std::regex compared(R"re((name|op) *[=!]= *"[a-z]+[a-z_0-9]*")re");
    std::set<std::string> names;
    smldist::spec::for_each([&](const auto& s) { names.insert(std::string(std::decay_t<decltype(s)>::name)); });
    each_line(library(), [&](const std::string& path, std::size_t i, const std::string& line) {
        std::smatch m;
        if (!std::regex_search(line, m, compared)) return;
        const std::string text = m.str();
        const std::size_t quote = text.find('"');
        CHECK_MESSAGE(names.count(text.substr(quote + 1, text.size() - quote - 2)) == 0, at(path, i), line);
    });
}

TEST_CASE("layout: layers and models and losses do not mention fusion") {
    static const std::regex words(R"(\b(pending|settle|deferred|norm_activate)\b)");
    each_line(library(), [&](const std::string& path, std::size_t i, const std::string& line) {
        const std::string folder = folder_of(path);
        if (folder == "nn" || folder == "model" || folder == "loss")
            CHECK_MESSAGE(!std::regex_search(line, words), at(path, i), line);
    });
}

TEST_CASE("layout: smldist.hpp includes every header") { expect_none(missing_in_umbrella(library_with_bodies())); }

TEST_CASE("layout: each rule reports what it forbids") {
    const std::string op = headers + "op/a.hpp";
    CHECK(edges(header_of_op({"#include \"smldist/core/shape.hpp\"", "#include <vector>"})).empty());
    CHECK(edges(header_of_op({"#include \"smldist/nn/linear.hpp\""})) ==
          complaints{op + ":7: op may not include nn"});
    CHECK(edges(header_of_op({"#include \"linear.hpp\""})).size() == 1);
    CHECK(edges(header_of_op({"# include \"smldist/smldist.hpp\""})).size() == 1);
    CHECK(edges({{headers + "misc/a.hpp", {"#include \"smldist/core/shape.hpp\""}}}).size() == 1);

    tree ring = header_of_op({"#include \"smldist/op/b.hpp\""});
    CHECK(cycles(ring).empty());
    ring[headers + "op/b.hpp"] = {"#include \"smldist/op/c.hpp\""};
    ring[headers + "op/c.hpp"] = {"#include \"smldist/op/a.hpp\""};
    CHECK(cycles(ring).size() == 1);

    CHECK(seams(header_of_op({"#include <sys/types.h>"})).empty());
    for (const std::string name : {"xtensor/xview.hpp", "xsimd/xsimd.hpp", "xtl/xspan.hpp", "nlohmann/json.hpp"})
        CHECK(seams(header_of_op({"#include <" + name + ">"})).size() == 1);

    CHECK(form_of_headers(header_of_op({})).empty());
    CHECK(form_of_headers(header_of_op({"using namespace std;"})).size() == 1);
    CHECK(form_of_headers(header_of_op(std::vector<std::string>(494))).size() == 1);
    CHECK(form_of_headers(header_of_op({"namespace smldist::op {", "SMLDIST_NAMESPACE_BEGIN"})).empty());
    CHECK(form_of_headers(header_of_op({"namespace smldist::op {", "inline int f();"})).size() == 1);
    tree moved = header_of_op({});
    moved[headers + "nn/a.hpp"] = moved.extract(op).mapped();
    CHECK(form_of_headers(moved).size() == 2); // guard and namespace

    CHECK(form_of_all(header_of_op({})).empty());
    CHECK(form_of_all(header_of_op({"// TO"
                                    "DO: later"}))
              .size() == 1);
    CHECK(form_of_all({{"tests/a.cpp", {"int main() {}"}}}).size() == 1);

    CHECK(untested(header_of_op({}), [](const std::string& test) { return test == "tests/op/a.cpp"; }).empty());
    CHECK(untested(header_of_op({}), [](const std::string&) { return false; }).size() == 1);

    const std::vector<std::string> forward{"namespace smldist::nn {", "template <class T> struct a;"};
    const std::vector<std::string> body{forward[0],
                                        "template <class T> struct a {",
                                        "template <class T> struct a<b<T>> {",
                                        "template <class T> struct a_op {",
                                        "template <class T> auto f(T) {",
                                        "namespace detail {",
                                        "template <class T> struct hidden {",
                                        "} // namespace detail"};
    tree both{{headers + "fwd.hpp", forward}, {headers + "nn/a.hpp", body}};
    CHECK(undeclared(both).empty());
    both[headers + "fwd.hpp"].push_back("template <class T> class gone;");
    CHECK(undeclared(both) == complaints{headers + "fwd.hpp:3: nn::gone is defined nowhere"});
    both[headers + "fwd.hpp"] = {};
    CHECK(undeclared(both) == complaints{headers + "nn/a.hpp:2: nn::a is not in fwd.hpp"});

    tree all = header_of_op({});
    all[headers + "smldist.hpp"] = {"#include \"smldist/op/a.hpp\""};
    CHECK(missing_in_umbrella(all).empty());
    all[headers + "smldist.hpp"].clear();
    CHECK(missing_in_umbrella(all).size() == 1);
}
