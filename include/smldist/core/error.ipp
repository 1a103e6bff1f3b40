// SPDX-License-Identifier: BSD-3-Clause
/// The functions of core/error.hpp, which includes this file; see SMLDIST_BASE_BODIES.
#include <cstddef>
#include <string>

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

void message_part::append_text(std::string& out, const message_part& p) {
    constexpr std::size_t longest = 1000; // bytes of text from a file, so that a message stays readable
    out += p.text_.substr(0, longest);
    if (p.text_.size() > longest) out += "...";
}

SMLDIST_NAMESPACE_END
} // namespace smldist
