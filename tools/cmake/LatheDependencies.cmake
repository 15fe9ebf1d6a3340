# The libraries Lathe is built on, found where tools/setup.sh puts them. The runtime's first.
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Threads REQUIRED)
find_path(PCRE2_INCLUDE pcre2.h REQUIRED)
find_library(PCRE2_LIBRARY libpcre2-8.a REQUIRED) # static: it goes into stand-alone executables
find_path(UTF8PROC_INCLUDE utf8proc.h REQUIRED)
find_library(UTF8PROC_LIBRARY libutf8proc.a REQUIRED) # static for the same reason
add_library(lathe_pcre2 INTERFACE)
target_include_directories(lathe_pcre2 SYSTEM INTERFACE ${PCRE2_INCLUDE})
target_compile_definitions(lathe_pcre2 INTERFACE PCRE2_STATIC PCRE2_CODE_UNIT_WIDTH=8)
target_link_libraries(lathe_pcre2 INTERFACE ${PCRE2_LIBRARY})
add_library(lathe_utf8proc INTERFACE)
target_include_directories(lathe_utf8proc SYSTEM INTERFACE ${UTF8PROC_INCLUDE})
target_compile_definitions(lathe_utf8proc INTERFACE UTF8PROC_STATIC)
target_link_libraries(lathe_utf8proc INTERFACE ${UTF8PROC_LIBRARY})
if(LATHE_RUNTIME_ONLY)
  return()
endif()

list(APPEND CMAKE_PREFIX_PATH /usr/lib/llvm-22)
file(GLOB halide_cmake ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/halide/lib64/cmake)
if(halide_cmake)
  set(Halide_DIR ${halide_cmake}/Halide CACHE PATH "Halide's package file")
  set(HalideHelpers_DIR ${halide_cmake}/HalideHelpers CACHE PATH "Halide's helper package file")
endif()

find_package(MLIR REQUIRED CONFIG) # no version: its version file wants an exact match
find_package(Halide REQUIRED CONFIG)
find_package(Protobuf REQUIRED)
find_package(GTest REQUIRED)
find_program(LATHE_LIT lit PATHS /usr/lib/llvm-22/bin /usr/lib/llvm-22/build/utils/lit NO_DEFAULT_PATH REQUIRED)
find_program(LATHE_LLD ld.lld PATHS /usr/lib/llvm-22/bin NO_DEFAULT_PATH REQUIRED)

list(APPEND CMAKE_MODULE_PATH ${LLVM_CMAKE_DIR} ${MLIR_CMAKE_DIR})
set(LLVM_MAIN_INCLUDE_DIR ${LLVM_INCLUDE_DIRS})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# LLVM and MLIR, without RTTI as they are built. A program is linked with one of two: lathe_llvm, the whole of LLVM, which
# takes 30 ms to load; or lathe_llvm_support, LLVM's own strings, errors and files alone, static. Libraries for programs of both
# kinds name the headers. (The imported target of the same archive would bring Z3 along.)
add_library(lathe_llvm_headers INTERFACE)
target_include_directories(lathe_llvm_headers SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_compile_options(lathe_llvm_headers INTERFACE -fno-rtti)
add_library(lathe_llvm INTERFACE)
target_link_libraries(lathe_llvm INTERFACE lathe_llvm_headers LLVM)
add_library(lathe_llvm_support INTERFACE)
target_link_libraries(lathe_llvm_support INTERFACE lathe_llvm_headers $<TARGET_FILE:LLVMSupport> $<TARGET_FILE:LLVMDemangle>)
add_library(lathe_mlir INTERFACE)
target_link_libraries(lathe_mlir INTERFACE lathe_llvm MLIR)
