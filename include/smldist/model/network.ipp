// SPDX-License-Identifier: BSD-3-Clause
/// The functions of model/network.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <cstddef>
#include <string>
#include <string_view>

namespace smldist::model {
SMLDIST_NAMESPACE_BEGIN

void network_config::check_heads() const {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (!is_candidate(candidates[i]))
            raise<usage_error>("model::network", "candidate is ", text(candidates[i]),
                               ", expected a head that returns logits in training");
        for (std::size_t k = 0; k < i; ++k)
            if (candidates[k].index() == candidates[i].index())
                raise<usage_error>("model::network", "candidate ", text(candidates[i]),
                                   " appears twice, expected each once");
    }
    for (const head_config& h : heads()) check(h);
}

namespace detail {

/// A preset at width 1.
struct table {
    std::size_t tail;
    std::vector<std::string_view> rows;
};

SMLDIST_COLD inline table preset_table(std::string_view name) {
    if (name == "har_teacher")
        return {256,
                {"3,64,32,-,RE,1", "3,96,48,-,RE,2,A", "3,144,48,-,RE,1", "5,144,64,SE,RE,2", "5,192,64,SE,RE,1,A",
                 "5,256,96,SE,HS,2", "5,384,96,SE,HS,1", "5,576,128,SE,HS,1", "5,768,128,SE,HS,1,A"}};
    if (name == "har_student")
        return {96, {"3,16,16,SE,RE,2,A", "5,48,24,-,RE,2,A", "5,64,32,SE,HS,2", "5,96,32,SE,HS,1,A"}};
    if (name == "har_nano") return {48, {"5,16,16,-,RE,2,A", "5,32,16,SE,HS,2,A", "5,48,24,SE,HS,2,A"}};
    if (name == "mobilenet_v3_small")
        return {576,
                {"3,16,16,SE,RE,2,A", "3,72,24,-,RE,2", "3,88,24,-,RE,1,A", "5,96,40,SE,HS,2", "5,240,40,SE,HS,1",
                 "5,240,40,SE,HS,1", "5,120,48,SE,HS,1", "5,144,48,SE,HS,1,A", "5,288,96,SE,HS,2", "5,576,96,SE,HS,1",
                 "5,576,96,SE,HS,1"}};
    if (name == "mobilenet_v3_large")
        return {960,
                {"3,16,16,-,RE,1", "3,64,24,-,RE,2", "3,72,24,-,RE,1,A", "5,72,40,SE,RE,2", "5,120,40,SE,RE,1",
                 "5,120,40,SE,RE,1,A", "3,240,80,-,HS,2", "3,200,80,-,HS,1", "3,184,80,-,HS,1", "3,184,80,-,HS,1",
                 "3,480,112,SE,HS,1", "3,672,112,SE,HS,1,A", "5,672,160,SE,HS,2", "5,960,160,SE,HS,1",
                 "5,960,160,SE,HS,1"}};
    std::string names;
    for (const auto n : preset_names) names += (names.empty() ? "" : ", ") + std::string(n);
    raise<usage_error>("model::preset", "name is \"", name, "\", expected one of ", names);
}

} // namespace detail

SMLDIST_COLD network_config preset(std::string_view name, double width) {
    if (!(width > 0 && width <= 16))
        raise<usage_error>("model::preset", "width is ", width, ", expected above 0, at most 16");
    const auto t = detail::preset_table(name);
    const auto scaled = [width](std::size_t n) { return width == 1 ? n : make_divisible(double(n) * width); };
    network_config c;
    c.preset = std::string(name);
    c.backbone.stem = scaled(16);
    for (const auto line : t.rows) {
        row r = parse_row(line);
        r.expanded = scaled(r.expanded);
        r.out = scaled(r.out);
        c.backbone.rows.push_back(r);
    }
    const bool six = name == "mobilenet_v3_small" || name == "mobilenet_v3_large"; // D = 6 × last O
    c.backbone.tail = six ? 6 * c.backbone.rows.back().out : scaled(t.tail);
    return c;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::model
