using System.Xml.Linq;
using ShopMesh.Cli;

namespace ShopMesh.Hosting.Tests;

public sealed class TrxTests
{
    [Fact]
    public void Counts_messages_and_reasons_are_read()
    {
        var run = TestRun.ParseTrx(XDocument.Parse("""
            <?xml version="1.0" encoding="utf-8"?>
            <TestRun id="1" xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010">
              <Results>
                <UnitTestResult testName="Money.Adds" duration="00:00:01.5000000" outcome="Passed" />
                <UnitTestResult testName="Cluster.Rolls" duration="00:00:02.0000000" outcome="Passed">
                  <Output><TextMessages><Message>100 requests</Message><Message>0 failed</Message></TextMessages></Output>
                </UnitTestResult>
                <UnitTestResult testName="Money.Divides" duration="00:00:00.0010000" outcome="Failed">
                  <Output><ErrorInfo><Message>Expected: 1
            Actual: 2</Message><StackTrace>   at Money.Divides() in Money.cs:line 3</StackTrace></ErrorInfo></Output>
                </UnitTestResult>
                <UnitTestResult testName="Cluster.Scales" outcome="NotExecuted">
                  <Output><ErrorInfo><Message>no cluster</Message></ErrorInfo></Output>
                </UnitTestResult>
              </Results>
              <ResultSummary outcome="Failed"><Counters total="3" /></ResultSummary>
            </TestRun>
            """));

        Assert.Empty(run.Errors);
        Assert.Equal(
            [
                new("Money.Adds", TestOutcome.Passed, TimeSpan.FromSeconds(1.5), "", ""),
                new("Cluster.Rolls", TestOutcome.Passed, TimeSpan.FromSeconds(2), "100 requests\n0 failed", ""),
                new("Money.Divides", TestOutcome.Failed, TimeSpan.FromMilliseconds(1), "Expected: 1\nActual: 2", "   at Money.Divides() in Money.cs:line 3"),
                new("Cluster.Scales", TestOutcome.Skipped, TimeSpan.Zero, "no cluster", ""),
            ],
            run.Results);
    }

    [Fact]
    public void A_host_that_crashed_is_an_error_of_the_run()
    {
        var run = TestRun.ParseTrx(XDocument.Parse("""
            <TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010">
              <ResultSummary outcome="Failed">
                <RunInfos>
                  <RunInfo computerName="here" outcome="Error" timestamp="2026-01-01T00:00:00"><Text>Test host process crashed</Text></RunInfo>
                  <RunInfo computerName="here" outcome="Warning" timestamp="2026-01-01T00:00:00"><Text>slow</Text></RunInfo>
                </RunInfos>
              </ResultSummary>
            </TestRun>
            """));

        Assert.Empty(run.Results);
        Assert.Equal(["Test host process crashed"], run.Errors);
    }
}
