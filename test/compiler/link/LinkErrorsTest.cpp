//===- LinkErrorsTest.cpp - what the last stage refuses, beside weights (PackTest) --------------------------------===//
#include "compiler/link/Bundle.h"
#include "compiler/link/EmitModel.h"
#include "compiler/link/Linker.h"
#include "compiler/support/Tool.h"
#include "compiler/target/Target.h"
#include "test/TemporaryFolder.h"
#include "test/compiler/link/MemoryWeights.h"
#include "test/compiler/link/ToyProgram.h"
#include "llvm/BinaryFormat/ELF.h"
#include <fstream>
#include <gmock/gmock.h>
#include <sys/resource.h>

using namespace lathe;
using testing::AllOf;
using testing::HasSubstr;
namespace files = std::filesystem;

namespace {

template <typename T> std::string message(llvm::Expected<T> result) {
  return result ? "" : llvm::toString(result.takeError());
}
std::string message(llvm::Error error) { return error ? llvm::toString(std::move(error)) : ""; }

/// The toy model with kernels that were compiled, as far as its tables know.
class LinkErrors : public testing::Test {
protected:
  LinkErrors() {
    for (const char *role : {"embedding", "head"})
      weights.add(role, Format::F32, kToyVocabulary, kToyColumns);
    LinkedVariant &variant = variants.emplace_back(LinkedVariant{&set, hostTarget(), {}});
    for (const Program &program : set.programs)
      for (const Phase &phase : program.phases)
        for (const std::vector<Call> *calls : {&phase.prologue, &phase.calls})
          for (const Call &call : *calls)
            variant.kernels.push_back({call.symbol(), "fallback", "function"});
  }

  std::string write(StagingFolder &staging) {
    return message(writeBundle({variants, {}, {"toy", ""}, weights, ""}, staging));
  }

  /// Tables alone: an object that needs "function".
  std::string object() {
    auto layout = layOutWeights({&set}, 0);
    auto tables = ModelTables::make(variants, *layout, {"toy", ""});
    return emitTables(*tables, hostTarget().triple);
  }

  std::unique_ptr<StagingFolder> stage(StagingKind kind = StagingKind::Folder) {
    return std::move(*StagingFolder::create(root.file("out"), kind));
  }

  ProgramSet set = toySet();
  std::vector<LinkedVariant> variants;
  MemoryWeights weights;
  test::TemporaryFolder root;
};

/// An object with the name of its last symbol beyond its table of names.
std::string withoutName(std::string object) {
  using namespace llvm::ELF;
  auto *header = reinterpret_cast<Elf64_Ehdr *>(object.data());
  auto *sections = reinterpret_cast<Elf64_Shdr *>(object.data() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i)
    if (sections[i].sh_type == SHT_SYMTAB)
      reinterpret_cast<Elf64_Sym *>(object.data() + sections[i].sh_offset)[sections[i].sh_size / sizeof(Elf64_Sym) - 1]
          .st_name = 1 << 30;
  return object;
}

} // namespace

TEST_F(LinkErrors, ProgramsThatLeaveTheirMemory) {
  set.programs[0].arenaBytes = 64;
  EXPECT_THAT(write(*stage()), AllOf(HasSubstr("program decode, phase \"embed\""), HasSubstr("reaches byte")));
}

TEST_F(LinkErrors, KernelsThatWereNotCompiled) {
  const std::string symbol = variants[0].kernels.back().symbol;
  std::erase_if(variants[0].kernels, [&](const LinkedKernel &kernel) { return kernel.symbol == symbol; });
  EXPECT_THAT(write(*stage()), HasSubstr("phase \"head\": kernel " + symbol + " was not compiled"));
}

TEST_F(LinkErrors, WeightsThatAreMissing) {
  set.weights[1].sources = {"elsewhere"};
  EXPECT_THAT(write(*stage()), HasSubstr("no weight for the role elsewhere"));
}

TEST_F(LinkErrors, TwoWeightsOfAName) {
  set.weights.push_back(set.weights[0]);
  EXPECT_THAT(write(*stage()), HasSubstr("two packed weights are called embedding"));
  std::string text;
  llvm::raw_string_ostream out(text);
  EXPECT_THAT(message(printBundle(variants, {"toy", ""}, 0, out)), HasSubstr("called embedding"));
}

TEST_F(LinkErrors, ObjectsThatAreNone) {
  const std::string good = object(), torn = withoutName(good);
  EXPECT_THAT(message(checkSymbols({{"kernel", "no object"}})), HasSubstr("kernel: "));
  EXPECT_THAT(message(checkSymbols({{"kernel", torn}})), HasSubstr("st_name"));
  EXPECT_THAT(message(checkSymbols({{"tables", good}})),
              HasSubstr("tables: needs the symbol function, which nothing in the bundle defines"));
}

TEST_F(LinkErrors, ToolsThatFail) {
  EXPECT_THAT(message(runTool("/no/such/tool", {})), HasSubstr("/no/such/tool: "));
  EXPECT_THAT(message(runTool("/bin/sh", {"-c", "echo said >&2; exit 3"})),
              HasSubstr("/bin/sh ended with status 3: said"));
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{0, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  const std::string said = message(runTool("/bin/true", {}));
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_THAT(said, HasSubstr("/bin/true: no file in memory for what it says: Too many open files"));
}

/// The folder that a bundle is made in goes away under it.
TEST_F(LinkErrors, AFolderThatIsGone) {
  auto staging = stage();
  files::remove_all(staging->path());
  EXPECT_THAT(write(*staging), HasSubstr("weights.bin: No such file or directory"));
  EXPECT_THAT(message(writeExecutable(*staging, "/bin/true")), HasSubstr("No such file or directory"));
  EXPECT_THAT(message(linkShared("", {}, *staging, root.file("model.so"))), HasSubstr("tables: "));
  EXPECT_THAT(message(staging->commit()), HasSubstr("out: No such file or directory"));
}

TEST_F(LinkErrors, ProgramsOfPartsThatAreMissing) {
  auto staging = stage(StagingKind::Program);
  EXPECT_THAT(message(staging->commit()), HasSubstr("out: No such file or directory"));
  EXPECT_THAT(message(writeExecutable(*staging, root.file("no-standalone"))), HasSubstr("no-standalone"));
  EXPECT_THAT(message(writeExecutable(*staging, "/bin/true")), HasSubstr("weights.bin"));
  std::ofstream(staging->file("weights.bin")) << "weights";
  EXPECT_THAT(message(writeExecutable(*staging, "/bin/true")), HasSubstr("model.so"));
  std::ofstream(staging->file("model.so")) << "program";
  EXPECT_EQ(message(writeExecutable(*staging, "/bin/true")), "");
  EXPECT_EQ(message(staging->commit()), "");
}

TEST_F(LinkErrors, PlacesThatCannotBe) {
  EXPECT_THAT(message(StagingFolder::create("")), HasSubstr("the output has no name"));
  EXPECT_THAT(message(StagingFolder::create(root.file("no/such/parent"))), HasSubstr("there is no folder"));
  EXPECT_THAT(message(StagingFolder::create(root.file(std::string(250, 'n')))), HasSubstr("File name too long"));
  std::ofstream(root.file("thesis")) << "precious";
  EXPECT_THAT(message(StagingFolder::create(root.file("thesis"))), HasSubstr("exists and is not a bundle's folder"));
  EXPECT_THAT(message(StagingFolder::create(root.file("thesis"), StagingKind::Program)),
              HasSubstr("exists and is not a compiled model"));
  EXPECT_THAT(message(StagingFolder::create(root.path)), HasSubstr("is a folder with other things than a bundle"));
}
