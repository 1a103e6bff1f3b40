// SPDX-License-Identifier: BSD-3-Clause
/// The file that --out names, of commands that write only one.
#ifndef HAR_OUTPUT_FILE_HPP
#define HAR_OUTPUT_FILE_HPP

#include <string>

namespace har {

/// Throws usage_error or io_error unless the file can be written and `force` allows to replace it. Comes before what takes long.
void check_output_file(const std::string& file, bool force);

} // namespace har

#endif
