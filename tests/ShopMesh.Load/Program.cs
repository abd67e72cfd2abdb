using System.CommandLine;
using ShopMesh.Load;
using ShopMesh.Load.Reporting;

var load = new LoadArguments(() => new("http://localhost:8080"));
var file = new Option<string?>("--report") { Description = "Where to write the report, without an extension: it becomes .json and .html. With - the JSON is the last line of the output." };
var root = new RootCommand("Loads a shop with customers' journeys, at a rate that does not wait for it, and checks the answers. The exit code is 1 if a request failed.") { file };
load.AddTo(root);
root.SetAction(async (arguments, cancellationToken) =>
{
    try
    {
        var (options, customers) = await load.PrepareAsync(arguments, new Lines(), cancellationToken);
        await using var running = await OpenLoop.StartAsync(options, customers, cancellationToken);
        await PlainLines.FollowAsync(running, Console.Out, cancellationToken);
        var report = await running.StopAsync();
        Console.Write(report.ToString());
        if (arguments.GetValue(file) is "-")
            Console.WriteLine(ReportFiles.ToJson(report));
        else if (arguments.GetValue(file) is { } path)
            Console.WriteLine(await ReportFiles.WriteAsync(report, path, CancellationToken.None));
        return report.Failed == 0 ? 0 : 1;
    }
    catch (LoadException e)
    {
        await Console.Error.WriteLineAsync(e.Message);
        return 2;
    }
});
return await root.Parse(args).InvokeAsync(new() { ProcessTerminationTimeout = TimeSpan.FromSeconds(45) });

internal sealed class Lines : IProgress<string>
{
    public void Report(string value) => Console.WriteLine(value);
}
