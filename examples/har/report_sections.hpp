// SPDX-License-Identifier: BSD-3-Clause
/// The sections of the report. Each is HTML with its heading, or empty when the data have nothing for it.
#ifndef HAR_REPORT_SECTIONS_HPP
#define HAR_REPORT_SECTIONS_HPP

#include <cstddef>
#include <string>
#include <string_view>

#include "report.hpp"

namespace har {

/// The style sheet.
std::string_view report_style();
/// The hatches of the timelines, to stand once before all pictures.
std::string report_hatches();

/// The method with the highest mean macro-F1, the first in a tie; 0 when none has one.
std::size_t best_method(const report_data& r);
/// The name of class n, escaped; its number when it has none.
std::string label_name(const report_data& r, std::size_t n);
/// The name of person n, as above.
std::string person_name(const report_data& r, std::size_t n);
/// <section> with the anchor `id`; empty when `body` is empty.
std::string section(const std::string& id, const std::string& heading, const std::string& body);

std::string summary_section(const report_data& r);
std::string comparison_section(const report_data& r);
std::string cost_section(const report_data& r);
std::string activity_section(const report_data& r);
std::string people_section(const report_data& r);
std::string calibration_section(const report_data& r);
std::string training_section(const report_data& r);
std::string timeline_section(const report_data& r);

} // namespace har

#endif
