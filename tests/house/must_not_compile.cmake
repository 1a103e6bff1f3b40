# SPDX-License-Identifier: BSD-3-Clause
# SOURCE must compile as it stands, and must not with -DMISUSE; the compiler then says what its first line promises:
#     // MISUSE: a regular expression
# With QUICK, only the second is tested.
file(STRINGS ${SOURCE} promise REGEX "^// MISUSE: " LIMIT_COUNT 1)
string(REPLACE "// MISUSE: " "" promise "${promise}")
if(promise STREQUAL "")
    message(FATAL_ERROR "${SOURCE}: no line '// MISUSE: expected message'")
endif()

if(NOT QUICK)
    execute_process(COMMAND ${COMPILE} -fsyntax-only ${SOURCE} RESULT_VARIABLE result ERROR_VARIABLE output)
    if(result)
        message(FATAL_ERROR "${SOURCE}: right use does not compile:\n${output}")
    endif()
endif()

execute_process(COMMAND ${COMPILE} -fsyntax-only -DMISUSE ${SOURCE} RESULT_VARIABLE result ERROR_VARIABLE output)
if(NOT result)
    message(FATAL_ERROR "${SOURCE}: misuse compiles")
elseif(NOT output MATCHES "error: [^\n]*${promise}")
    message(FATAL_ERROR "${SOURCE}: misuse is refused without saying '${promise}':\n${output}")
endif()
