// SPDX-License-Identifier: BSD-3-Clause
/// The functions of model/mobilenet_v3.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace smldist::model {
SMLDIST_NAMESPACE_BEGIN

std::string text(const row& r) {
    return std::to_string(r.kernel_size) + ',' + std::to_string(r.expanded) + ',' + std::to_string(r.out) + ',' +
           (r.se ? "SE" : "-") + ',' + std::string(nn::text(r.activation)) + ',' + std::to_string(r.stride) +
           (r.anchor ? ",A" : "");
}

row parse_row(std::string_view line) {
    const auto fail = [line](std::string_view expected) {
        raise<usage_error>("model::parse_row", "row is ", io::quote(line), ", expected ", expected);
    };
    std::vector<std::string_view> fields;
    for (std::string_view rest = line;;) {
        const std::size_t comma = rest.find(',');
        fields.push_back(rest.substr(0, comma));
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
    }
    if (fields.size() < 6 || fields.size() > 7) fail("6 fields such as \"3,64,32,-,RE,1\", or 7 with A last");
    const auto number = [&](std::string_view field, std::size_t least, std::size_t most) {
        std::size_t v = 0;
        const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), v);
        if (code != std::errc() || end != field.data() + field.size() || v < least || v > most)
            fail("numbers in range (kernel 1 to 15, widths 1 to 65536, stride 1 to 4)");
        return v;
    };
    row r;
    r.kernel_size = number(fields[0], 1, 15);
    r.expanded = number(fields[1], 1, 65536);
    r.out = number(fields[2], 1, 65536);
    if (fields[3] != "SE" && fields[3] != "-") fail("SE or - as fourth field");
    r.se = fields[3] == "SE";
    r.activation = nn::parse_activation(fields[4]);
    r.stride = number(fields[5], 1, 4);
    if (fields.size() == 7 && fields[6] != "A") fail("A as seventh field");
    r.anchor = fields.size() == 7;
    if (r.kernel_size % 2 == 0) fail("an odd kernel");
    return r;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::model
