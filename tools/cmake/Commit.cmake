# Writes OUTPUT, where it is not so already, with the commit of the source folder as LATHE_COMMIT; zeros where git has none.
execute_process(COMMAND git rev-parse --short=12 HEAD WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE commit
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(commit 000000000000)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define LATHE_COMMIT \"${commit}\"\n")
