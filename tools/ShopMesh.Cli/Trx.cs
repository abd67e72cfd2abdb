using System.Globalization;
using System.Xml.Linq;

namespace ShopMesh.Cli;

internal enum TestOutcome
{
    Passed,
    Failed,
    Skipped,
}

/// <summary>What a test came to.</summary>
/// <param name="Message">Why it failed or was skipped; of one that passed, what it has to tell.</param>
internal sealed record TestResult(string Name, TestOutcome Outcome, TimeSpan Duration, string Message, string StackTrace);

/// <summary>The results of one test project.</summary>
/// <param name="Errors">What went wrong beside the tests, such as a host that crashed.</param>
internal sealed record TestRun(IReadOnlyList<TestResult> Results, IReadOnlyList<string> Errors)
{
    /// <summary>From a file of Visual Studio's test results, as test runners write it.</summary>
    public static TestRun ParseTrx(XDocument document)
    {
        XNamespace trx = "http://microsoft.com/schemas/VisualStudio/TeamTest/2010";
        var results =
            from result in document.Descendants(trx + "UnitTestResult")
            let output = result.Element(trx + "Output")
            let error = output?.Element(trx + "ErrorInfo")
            let outcome = (string?)result.Attribute("outcome") switch
            {
                "Passed" => TestOutcome.Passed,
                "NotExecuted" => TestOutcome.Skipped,
                _ => TestOutcome.Failed,
            }
            select new TestResult(
                (string?)result.Attribute("testName") ?? "",
                outcome,
                TimeSpan.TryParse((string?)result.Attribute("duration"), CultureInfo.InvariantCulture, out var duration) ? duration : TimeSpan.Zero,
                ((string?)error?.Element(trx + "Message") ?? (string?)output?.Element(trx + "StdOut") ?? string.Join('\n', output?.Descendants(trx + "Message").Select(message => message.Value) ?? [])).Trim(),
                ((string?)error?.Element(trx + "StackTrace") ?? "").TrimEnd());
        var errors =
            from info in document.Descendants(trx + "RunInfo")
            where (string?)info.Attribute("outcome") == "Error"
            select ((string?)info.Element(trx + "Text") ?? "").Trim();
        return new([.. results], [.. errors.Where(text => text.Length > 0)]);
    }
}
