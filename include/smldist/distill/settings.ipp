// SPDX-License-Identifier: BSD-3-Clause
/// The functions of distill/settings.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <cmath>

namespace smldist::distill {
SMLDIST_NAMESPACE_BEGIN

void distill_options::check() const {
    for (const double weight : {stage_first, stage_last, memory_weight})
        if (!(weight >= 0 && std::isfinite(weight)))
            raise<usage_error>("distill_options", "weights are ", stage_first, ", ", stage_last, ", ", memory_weight,
                               ", expected at least 0");
    if (!(stage_share > 0 && stage_share < 1))
        raise<usage_error>("distill_options", "stage_share is ", stage_share, ", expected 0 < stage_share < 1");
    logits.check();
    memory.check();
    stage.check();
}

SMLDIST_NAMESPACE_END
} // namespace smldist::distill
