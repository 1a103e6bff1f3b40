// SPDX-License-Identifier: BSD-3-Clause
/// The rules on files: who includes whom, form, a test for every header, fwd.hpp and smldist.hpp in step.
#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "house/tree.hpp"
#include "smldist/spec/all.hpp"

namespace {

/// Which folder may include which, apart from itself: the rows of the table in docs/architecture.md, in its order.
const std::vector<std::pair<std::string, std::vector<std::string>>> table{
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
    {"train", {"core", "autograd", "op", "loss", "optim", "metric", "data", "io"}},
    {"distill", {"core", "autograd", "graph", "op", "loss", "optim", "data", "deploy", "train"}},
    {"search", {"core", "autograd", "graph", "op", "loss", "metric", "data", "train"}},
    {"ref2021", {"core", "graph", "kernel", "optim", "op", "nn", "model", "loss", "train", "distill"}},
    {"testing", {"core", "autograd", "op"}},
};
const std::map<std::string, std::set<std::string>> may_include = [] {
    std::map<std::string, std::set<std::string>> folders;
    for (const auto& [folder, others] : table) folders[folder] = {others.begin(), others.end()};
    return folders;
}();

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

/// The folders whose namespace is smldist itself; "": headers directly in include/smldist.
const std::set<std::string> in_root{"", "core", "autograd", "graph"};

/// The words between `namespace … detail {` and its end, except qualified ones.
std::set<std::string> words_of_detail(const std::vector<std::string>& lines) {
    static const std::regex opens(R"(namespace (\w+::)*detail \{)"), word(R"(\w+)");
    std::set<std::string> words;
    bool inside = false;
    for (const auto& line : lines) {
        if (std::regex_match(line, opens)) inside = true;
        if (line.rfind("} // namespace", 0) == 0) inside = false;
        if (!inside) continue;
        const std::string code = line.substr(0, line.find("//"));
        for (std::sregex_iterator w(code.begin(), code.end(), word), end; w != end; ++w)
            if (!w->prefix().str().ends_with("::")) words.insert(w->str());
    }
    return words;
}

/// Every use of another folder's namespace detail: by its name, or without one when nothing in this folder's has that
/// name. smldist.hpp may name what it instantiates.
complaints foreign_detail(const tree& files) {
    static const std::regex use(R"(((?:\w+::)*)detail(::(\w+)|;))");
    std::map<std::string, std::set<std::string>> own; // folder → words in its namespaces detail
    for (const auto& [path, lines] : files) own[folder_of(path)].merge(words_of_detail(lines));
    complaints found;
    each_line(files, [&](const std::string& path, std::size_t i, const std::string& line) {
        const std::string folder = folder_of(path), code = line.substr(0, line.find("//"));
        if (folder.empty() || code.find("detail") == std::string::npos) return;
        for (std::sregex_iterator m(code.begin(), code.end(), use), end; m != end; ++m) {
            std::string space = (*m)[1];
            const std::string name = (*m)[3];
            const bool of_root = space == "smldist::" && !in_root.count(folder);
            if (space.rfind("smldist::", 0) == 0) space.erase(0, 9);
            const std::string of = space.substr(0, space.find("::"));
            const bool foreign = may_include.count(of) ? of != folder : !name.empty() && !own[folder].count(name);
            if (foreign || of_root) found.push_back(at(path, i) + m->str() + " belongs to another folder");
        }
    });
    return found;
}

complaints form_of_headers(const tree& files) {
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
        const std::string space = "namespace smldist" + (in_root.count(folder) ? "" : "::" + folder);
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

/// The functions that a header of op or loss gives to users, as "op::conv1d".
std::map<std::string, std::size_t> functions_of(const std::string& path, const std::vector<std::string>& lines) {
    static const std::regex declared(R"((?:template <.*> )?(?:\[\[nodiscard\]\] )?(?:auto|X) (\w+)\(.*)");
    static const std::set<std::string> of_the_door{"apply", "read_normed", "enum_names"};
    std::map<std::string, std::size_t> found;
    bool detail = false;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines[i] == "namespace detail {") detail = true;
        if (lines[i] == "} // namespace detail") detail = false;
        if (std::smatch m; !detail && std::regex_match(lines[i], m, declared) && !of_the_door.count(m[1]))
            found.emplace(folder_of(path) + "::" + m[1].str(), i);
    }
    return found;
}

/// docs/operations.md names every op, layer and loss: "op::conv1d" with no letter after it.
complaints unlisted(const tree& files, const std::string& page) {
    complaints found;
    for (const auto& [path, lines] : files) {
        const std::string folder = folder_of(path);
        const bool top = path.find('/', headers.size() + folder.size() + 1) == std::string::npos;
        if (!top || (folder != "op" && folder != "nn" && folder != "loss")) continue;
        for (const auto& [name, line] : folder == "nn" ? templates_of(lines) : functions_of(path, lines))
            if (const std::string called = std::regex_replace(name, std::regex("basic_"), ""); // by its aliases
                !std::regex_search(page, std::regex(called + "\\b")))
                found.push_back(at(path, line) + called + " is not in docs/operations.md");
    }
    return found;
}

/// Every header is reached from the umbrella, except one that needs a library which programs may lack.
complaints missing_in_umbrella(const tree& files) {
    static const std::string optional = headers + "train/mpi.hpp";
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
        if (!folder_of(path).empty() && !reached.count(path) && path != optional)
            found.push_back(path + ": not reached from smldist.hpp");
    return found;
}

/// The lines of docs/architecture.md with the rows of `table` between its two markers. What follows a semicolon in the
/// second column is prose, which stays.
std::vector<std::string> with_table(const std::vector<std::string>& page) {
    static const std::regex row(R"(\| (\w+) \| [^;|]*(;.*)? \|)");
    static const std::string begin = "<!-- table of folders: begin -->", end = "<!-- table of folders: end -->";
    std::map<std::string, std::string> prose;
    for (const auto& line : page)
        if (std::smatch m; std::regex_match(line, m, row)) prose[m[1]] = m[2];
    std::vector<std::string> lines;
    bool inside = false;
    for (const auto& line : page) {
        if (line == end) inside = false;
        if (!inside) lines.push_back(line);
        if (line != begin) continue;
        inside = true;
        lines.insert(lines.end(), {"", "| folder | may include |", "|---|---|"});
        for (const auto& [folder, others] : table) {
            std::string names;
            for (const auto& other : others) (names += names.empty() ? "" : " ") += other;
            lines.push_back("| " + folder + " | " + (names.empty() ? "the standard library" : names) + prose[folder] +
                            " |");
        }
        lines.push_back("");
    }
    return lines;
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
TEST_CASE("layout: no folder uses the detail of another") { expect_none(foreign_detail(library_with_bodies())); }
TEST_CASE("layout: form of the headers") { expect_none(form_of_headers(library())); }
TEST_CASE("layout: form of all files") { expect_none(form_of_all(read({"include", "tests", "examples", "bench"}))); }
TEST_CASE("layout: every header has its test") {
    expect_none(untested(library(), [](const std::string& test) { return fs::exists(root / test); }));
}
TEST_CASE("layout: fwd.hpp declares every public class template") { expect_none(undeclared(library())); }
TEST_CASE("layout: docs/operations.md names every op, layer and loss") {
    std::string page;
    for (const auto& line : lines_of(root / "docs/operations.md")) page += line + '\n';
    expect_none(unlisted(library(), page));
    const tree two =
        header_of_op({"template <class X> [[nodiscard]] auto one(const X& x) {", "[[nodiscard]] auto two("});
    CHECK(unlisted(two, "`op::one(x)` and `op::twofold(x)`").size() == 1);
    CHECK(unlisted(two, "`op::one(x)` and `op::two(x)`").empty());
}
TEST_CASE("layout: docs/architecture.md has the table of who may include whom") {
    const fs::path page = root / "docs/architecture.md";
    const auto got = lines_of(page), want = with_table(got);
    if (std::getenv("SMLDIST_UPDATE_DOCS") != nullptr) {
        std::ofstream out(page);
        for (const auto& line : want) out << line << '\n';
        return;
    }
    REQUIRE(std::count(got.begin(), got.end(), "| folder | may include |") == 1); // between the markers
    CHECK_MESSAGE(got == want, "run this test with SMLDIST_UPDATE_DOCS=1 to write the table anew");
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

    const std::vector<std::string> detail{"namespace detail {", "inline int f() { return kernel::of_core(); }",
                                          "} // namespace detail"};
    const auto uses = [&](const std::string& line) {
        std::vector<std::string> lines = detail;
        lines.push_back(line);
        return foreign_detail(header_of_op(lines)).size();
    };
    for (const std::string good : {"int g() { return detail::f(); }", "int g() { return op::detail::f(); }",
                                   "int g() { return smldist::op::detail::f(); }", "using namespace detail;",
                                   "int g(); // kernel::detail::f", "auto g() { return xt::detail_of(); }"})
        CHECK_MESSAGE(uses(good) == 0, good);
    for (const std::string bad :
         {"int g() { return kernel::detail::f(); }", "using smldist::kernel::detail::f;",
          "using namespace kernel::detail;", "int g() { return detail::of_core(); }",
          "using namespace smldist::detail;", "int g() { return smldist::detail::of_core(); }"})
        CHECK_MESSAGE(uses(bad) == 1, bad);
    tree umbrella;
    umbrella[headers + "smldist.hpp"] = {"extern template class train::detail::loop<float>;"};
    CHECK(foreign_detail(umbrella).empty());

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

    const auto page = [](const std::string& row) {
        std::vector<std::string> lines{"before", "<!-- table of folders: begin -->", row,
                                       "<!-- table of folders: end -->", "after"};
        return with_table(lines);
    };
    const auto whole = page("| kernel | core op; prose | of any kind |");
    CHECK(whole.size() == table.size() + 8);
    CHECK(whole[2].empty());
    CHECK(whole[3] == "| folder | may include |");
    CHECK(whole[5] == "| core | the standard library |");
    CHECK(whole[6] == "| kernel | core; prose | of any kind |");
    CHECK(whole.back() == "after");
    CHECK(with_table(whole) == whole);

    tree all = header_of_op({});
    all[headers + "smldist.hpp"] = {"#include \"smldist/op/a.hpp\""};
    CHECK(missing_in_umbrella(all).empty());
    all[headers + "smldist.hpp"].clear();
    CHECK(missing_in_umbrella(all).size() == 1);
}
