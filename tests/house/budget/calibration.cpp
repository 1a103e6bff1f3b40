// SPDX-License-Identifier: BSD-3-Clause
/// Heavy templates of the standard library alone: what they cost to compile tells how fast the machine is just now.
#include <algorithm>
#include <functional>
#include <map>
#include <regex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using table = std::map<std::string, std::vector<std::function<double(double)>>>;

std::string calibrate(const std::string& text, table& all) {
    std::vector<std::pair<std::string, std::variant<int, double, std::string>>> found;
    const std::regex pair("([a-z]+)=([0-9]+)");
    for (std::sregex_iterator i(text.begin(), text.end(), pair), end; i != end; ++i)
        found.emplace_back((*i)[1], (*i)[2].str());
    const std::wregex wide(L"[a-z]+");
    std::sort(found.begin(), found.end());
    for (auto& f : found) all[f.first].push_back([n = f.second.index()](double x) { return x + double(n); });
    return std::regex_replace(text, std::regex("a+b"), "c");
}
