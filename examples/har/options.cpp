// SPDX-License-Identifier: BSD-3-Clause
#include "options.hpp"

namespace har {

using namespace smldist;

options standard_options(std::string_view subcommand) {
    options o;
    // The memory loss needs a memory in both networks. `summary` and `import` take what the library gives, a linear head.
    if (subcommand != "summary" && subcommand != "import") o.network.head = model::memory_head();
    // The library's epochs are for har_teacher and har_student; here 0 stands for those of the preset (epochs_for).
    o.training.epochs = o.teacher_epochs = 0;
    if (subcommand == "train" || subcommand == "import") o.preset.clear(); // must be given
    o.out = subcommand == "demo"       ? demo_folder
            : subcommand == "features" ? "features.csv"
            : subcommand == "import"   ? "model.safetensors"
            : subcommand == "sweep"    ? "har-sweep"
                                       : "har-run";
    if (subcommand == "sweep") o.method = "labels";
    if (subcommand == "demo") {
        o.baseline = true;
        // With 8 and 12, one seed of three leaves the distilled student behind the one trained without a teacher.
        o.teacher_epochs = 12;
        o.training.epochs = 30;
    }
    return o;
}

} // namespace har
