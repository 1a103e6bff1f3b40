// SPDX-License-Identifier: BSD-3-Clause
/// Which part of a sweep a process does: said on the command line or by the launcher, and the same in every process.
#ifndef HAR_SHARE_HPP
#define HAR_SHARE_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace har {

/// One of `count` parts.
struct share {
    std::size_t number = 1; ///< from 1
    std::size_t count = 1;
    std::string said_by; ///< for example "--shard" or "SLURM_ARRAY_TASK_ID 3 of 8"
};

/// The share of this process: `shard`, which is I/N with I from 1 to N; if that is empty, what the environment says; if that
/// says nothing, everything.
///
///     SLURM_ARRAY_TASK_ID, _COUNT, _STEP    share (ID / STEP) mod COUNT + 1 of COUNT, whatever the first ID is
///     OMPI_COMM_WORLD_RANK, _SIZE           share RANK + 1 of SIZE, under mpirun of Open MPI
///     PMI_RANK, PMI_SIZE                    the same, of MPICH and Intel MPI
///
/// Under mpirun in a Slurm array there are COUNT · SIZE shares.
/// Throws     usage_error for anything else in `shard` or in these variables, for one without the other, and for an array
///            whose IDs are not evenly spaced.
share share_of(const std::string& shard);

/// The share, from 1, of each group of runs. The costliest group goes first, each to the share whose costs so far are lowest;
/// the first one in a tie.
std::vector<std::size_t> distributed(const std::vector<std::uint64_t>& costs, std::size_t count);

} // namespace har

#endif
