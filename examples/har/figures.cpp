// SPDX-License-Identifier: BSD-3-Clause
#include "figures.hpp"

#include <cstdio>

#include "smldist/model/load.hpp"

namespace har {

using namespace smldist;

std::string left_out(const metric::confusion& counts) {
    if (counts.absent() == 0) return "";
    return "macro-F1 leaves out " + std::to_string(counts.absent()) + " of " + std::to_string(counts.classes()) +
           " classes, which are neither label nor prediction of a window\n";
}

io::json figures(const metric::evaluation& e) {
    io::json j;
    j.set("accuracy", e.accuracy);
    j.set("macro_f1", e.macro_f1);
    j.set("absent_classes", e.absent_classes);
    j.set("worst_subject_f1", e.worst_subject_f1);
    j.set("worst_subject", e.worst_subject);
    if (e.calibration_error) j.set("calibration_error", *e.calibration_error);
    return j;
}

io::json figures(const model::network<float>& net, std::size_t length, const metric::evaluation& e) {
    io::json j = figures(e);
    j.set("parameters", parameter_count(net));
    j.set("macs", model::trace(net, length).macs());
    j.set("head", model::head_name(net.config));
    j.set("preset", net.config.preset);
    return j;
}

void print_table(const io::json& result) {
    std::printf("%-14s %9s %9s %9s %11s %10s\n", "test subjects", "accuracy", "macro-F1", "worst F1", "parameters",
                "MACs");
    for (const auto& [name, value] : result.as_object())
        if (value.find("macro_f1"))
            std::printf("%-14s %9.4f %9.4f %9.4f %11zu %10zu\n", name.c_str(), value.as_double("accuracy"),
                        value.as_double("macro_f1"), value.as_double("worst_subject_f1"), value.as_size("parameters"),
                        value.as_size("macs"));
}

} // namespace har
