using System.Globalization;

namespace ShopMesh.Load.Reporting;

/// <summary>A load on its way, a line at a time: for logs.</summary>
public static class PlainLines
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    /// <summary>Tells how it goes until its schedule ends.</summary>
    /// <param name="cancellationToken">Ends it early.</param>
    public static async Task FollowAsync(OpenLoop load, TextWriter output, CancellationToken cancellationToken)
    {
        var end = load.Scheduled.WaitAsync(cancellationToken);
        while (await Task.WhenAny(end, Task.Delay(Every, CancellationToken.None)) != end)
            await output.WriteLineAsync(Line(load.Latest));
        if (load.Open > 0)
            await output.WriteLineAsync($"waiting for {load.Open} visits that are under way");
    }

    private static string Line(LoadProgress progress) => progress.All is not { } second ? "" : string.Create(CultureInfo.InvariantCulture,
        $"{progress.Elapsed.TotalSeconds,4:0} s  {second.Offered,7:0.0}/s offered  {second.Answered,7:0.0}/s answered  p50 {second.P50,6:0.0} ms  p99 {second.P99,6:0.0} ms  {second.Open,5} open  {progress.Journeys.Sum(journey => journey.Failed),5} failed");
}
