#include "tools/lathe/bench/ReportTables.h"
#include "tools/lathe/Console.h"
#include "tools/lathe/bench/Format.h"
#include "tools/lathe/bench/ReportParts.h"
#include "tools/lathe/bench/Svg.h"
#include <algorithm>

namespace lathe::bench {
namespace {

std::string cell(const std::string &html, const char *style = nullptr) {
  return (style ? "<td class=\"" + std::string(style) + "\">" : "<td>") + html + "</td>";
}

std::string numberCell(const std::string &text) { return cell(escaped(text), "n"); }

/// The head's columns; those that begin with '>' are of numbers.
std::string head(const std::vector<const char *> &columns) {
  std::string html = "<thead><tr>";
  for (const char *column : columns)
    html += *column == '>' ? "<th class=\"n\">" + std::string(column + 1) + "</th>"
                           : "<th>" + std::string(column) + "</th>";
  return html + "</tr></thead>\n";
}

/// Part of the limit as a bar and a number.
std::string ofLimit(const PhaseResult &phase) {
  const double percent = 100 * phase.ofLimit();
  return "<span class=\"bar\"><i style=\"width:" + px(std::min(100.0, percent)) + "%\"></i></span> " +
         number("%.0f %%", percent) + (percent > 100 ? " (limit measured too low)" : "");
}

std::string badge(const PhaseResult &phase) {
  const char *kind = name(phase.scheduleKind());
  return "<span class=\"badge " + std::string(kind) + "\" title=\"" + escaped(phase.schedule) + "\">" + kind +
         "</span>";
}

/// By time lost, the most first; those that take no time are left out.
std::vector<const PhaseResult *> byLost(const StepResult &step) {
  std::vector<const PhaseResult *> phases;
  for (const PhaseResult &phase : step.phases)
    if (phase.seconds > 0)
      phases.push_back(&phase);
  std::ranges::sort(phases, std::greater(), &PhaseResult::lost);
  return phases;
}

std::string microseconds(double seconds) { return digits(seconds * 1e6); }

/// 0 where there is none.
const PhaseResult *find(const StepResult &step, const std::string &name) {
  const auto found = std::ranges::find(step.phases, name, &PhaseResult::name);
  return found == step.phases.end() || found->seconds <= 0 ? nullptr : &*found;
}

} // namespace

std::string roofsTable(const BenchResult &result) {
  std::string html = "<table>\n" +
                     head({"limit", ">best", "samples from 0", ">half of them", ">before · after", "fastest form"}) +
                     "<tbody>\n";
  for (const Roof &roof : result.machines.front().roofs) {
    const RoofForm &form = roof.best();
    const Quartiles spread = spreadOf(form);
    std::string rounds;
    for (double best : bestByRound(form))
      rounds += (rounds.empty() ? "" : " · ") + (best > 0 ? digits(best / 1e9) : std::string("–"));
    const std::string region =
        roof.bytes && roof.name != "step" ? ", over and over " + cli::bytesText(double(roof.bytes)) : "";
    html += "<tr>" + cell(escaped(titleOf(roof))) + numberCell(digits(roof.limit() / 1e9) + " " + unitOf(roof.kind)) +
            cell(samplesSvg(roof)) + numberCell(digits(spread.low / 1e9) + "–" + digits(spread.high / 1e9)) +
            numberCell(rounds) + cell(escaped(form.name + region)) + "</tr>\n";
  }
  return html + "</tbody></table>\n";
}

std::string formsTable(const BenchResult &result) {
  std::string html = "<table>\n" + head({"limit", "form", ">samples", ">best", ">half of them"}) + "<tbody>\n";
  for (const Roof &roof : result.machines.front().roofs)
    for (const RoofForm &form : roof.forms) {
      const Quartiles spread = spreadOf(form);
      html += "<tr>" + cell(escaped(titleOf(roof))) + cell(escaped(form.name)) +
              numberCell(std::to_string(form.samples.size())) +
              numberCell(digits(form.limit() / 1e9) + " " + unitOf(roof.kind)) +
              numberCell(digits(spread.low / 1e9) + "–" + digits(spread.high / 1e9)) + "</tr>\n";
    }
  return html + "</tbody></table>\n";
}

std::string phasesTable(const StepResult &step) {
  std::string html = "<table class=\"phases\">\n" +
                     head({"phase", ">times", ">µs", ">share", ">lost µs", "of its limit", "bound", ">MB", ">GB/s",
                           ">Mop", ">GOP/s", "schedule"}) +
                     "<tbody>\n";
  for (const PhaseResult *phase : byLost(step))
    html += "<tr>" + cell(escaped(phase->name)) + numberCell(number("%.0f", phase->count)) +
            numberCell(microseconds(phase->seconds)) +
            numberCell(number("%.1f %%", 100 * phase->seconds / step.seconds)) +
            numberCell(microseconds(phase->lost())) + cell(ofLimit(*phase)) + cell(name(phase->bound)) +
            numberCell(digits(phase->bytes / 1e6)) + numberCell(digits(phase->bytes / phase->seconds / 1e9)) +
            numberCell(digits(phase->operations / 1e6)) + numberCell(digits(phase->operations / phase->seconds / 1e9)) +
            cell(badge(*phase)) + "</tr>\n";
  const double limit = step.limitSeconds();
  html += "<tr class=\"sum\">" + cell("all") + cell("") + numberCell(microseconds(step.seconds)) + cell("") +
          numberCell(microseconds(step.seconds - limit)) +
          cell(step.seconds > 0 ? number("%.0f %%", 100 * limit / step.seconds) : "") +
          "<td colspan=\"6\"></td></tr>\n";
  return html + "</tbody></table>\n";
}

std::string phasesTable(const StepResult &a, const StepResult &b) {
  struct Row {
    std::string name;
    const PhaseResult *of[2];
    double lost() const { return std::max(of[0] ? of[0]->lost() : 0, of[1] ? of[1]->lost() : 0); }
  };
  std::vector<Row> rows;
  for (const StepResult *step : {&a, &b})
    for (const PhaseResult &phase : step->phases)
      if (std::ranges::find(rows, phase.name, &Row::name) == rows.end())
        rows.push_back({phase.name, {find(a, phase.name), find(b, phase.name)}});
  std::ranges::sort(rows, std::greater(), &Row::lost);
  std::string html =
      "<table class=\"phases\">\n<thead><tr><th></th><th colspan=\"4\" class=\"a\">A</th><th colspan=\"4\" "
      "class=\"b\">B</th><th></th></tr></thead>\n" +
      head({"phase", ">µs", ">lost µs", "of its limit", "schedule", ">µs", ">lost µs", "of its limit", "schedule",
            ">time B / A"}) +
      "<tbody>\n";
  for (const Row &row : rows) {
    html += "<tr>" + cell(escaped(row.name));
    for (const PhaseResult *phase : row.of)
      html += phase ? numberCell(microseconds(phase->seconds)) + numberCell(microseconds(phase->lost())) +
                          cell(ofLimit(*phase)) + cell(badge(*phase))
                    : "<td colspan=\"4\" class=\"none\">none</td>";
    html +=
        numberCell(row.of[0] && row.of[1] ? number("%.2f", row.of[1]->seconds / row.of[0]->seconds) : "") + "</tr>\n";
  }
  html += "<tr class=\"sum\">" + cell("all");
  for (const StepResult *step : {&a, &b})
    html += numberCell(microseconds(step->seconds)) + numberCell(microseconds(step->seconds - step->limitSeconds())) +
            cell(step->seconds > 0 ? number("%.0f %%", 100 * step->limitSeconds() / step->seconds) : "") + cell("");
  html += numberCell(a.seconds > 0 ? number("%.2f", b.seconds / a.seconds) : "") + "</tr>\n";
  return html + "</tbody></table>\n";
}

} // namespace lathe::bench
