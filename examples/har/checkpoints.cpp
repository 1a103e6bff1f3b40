// SPDX-License-Identifier: BSD-3-Clause
#include "checkpoints.hpp"

#include <filesystem>
#include <system_error>

#include "settings.hpp"
#include "smldist/io/json_scanner.hpp"

namespace har {

using namespace smldist;

namespace {
struct known_unit {
    std::string_view name;
    checkpoint_interval::unit of;
    double times;
};
} // namespace

checkpoint_interval parse_interval(std::string_view word) {
    using unit = checkpoint_interval::unit;
    if (word == "never") return {unit::never, 0};
    const std::size_t end = word.find_first_not_of("0123456789.");
    const std::string_view number = word.substr(0, end);
    std::string_view name = end == word.npos ? "" : word.substr(end);
    while (name.starts_with(' ')) name.remove_prefix(1);
    const bool whole = number.find('.') == number.npos;
    for (const auto& [known, of, times] : {known_unit{"", unit::epochs, 1},
                                           {"epochs", unit::epochs, 1},
                                           {"steps", unit::steps, 1},
                                           {"s", unit::seconds, 1},
                                           {"min", unit::seconds, 60},
                                           {"h", unit::seconds, 3600}})
        if (name == known && !number.empty() && (whole || of == unit::seconds))
            return {of, times * read_real("checkpoint-every", number, {0, 1e9, true})};
    raise<usage_error>("--checkpoint-every", "value is ", io::quote(word),
                       ", expected never or a number of epochs, or one with a unit: 500steps, 90s, 5min, 1h");
}

bool checkpoints::exists() const {
    std::error_code none;
    return std::filesystem::exists(path_, none);
}

} // namespace har
