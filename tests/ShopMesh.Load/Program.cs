using System.CommandLine;
using System.Text.Json;
using ShopMesh.Load;

var url = Parsed("--url", "The shop's address.", new Uri("http://localhost:8080"), text => new Uri(text));
var rate = new Option<double>("--rate") { Description = "Requests per second.", DefaultValueFactory = _ => 100 };
var seconds = new Option<int>("--for") { Description = "Seconds, 3000 at most: the customers' tokens live for an hour.", DefaultValueFactory = _ => 60 };
var mix = Parsed("--mix", "How often each journey begins, compared with the others.", Mix.Default, Mix.Parse);
var count = new Option<int>("--customers") { Description = "How many customers sign in before it begins.", DefaultValueFactory = _ => 100 };
var file = new Option<FileInfo?>("--report") { Description = "Where to write the report as JSON." };
rate.Validators.Add(result => Within(result, result.GetValueOrDefault<double>(), 0.1, 20_000));
seconds.Validators.Add(result => Within(result, result.GetValueOrDefault<int>(), 1, 3_000));
count.Validators.Add(result => Within(result, result.GetValueOrDefault<int>(), 1, 10_000));

var root = new RootCommand("Loads a shop with customers' journeys, at a rate that does not wait for it, and checks the answers.") { url, rate, seconds, mix, count, file };
root.SetAction(async (arguments, cancellationToken) =>
{
    var options = new LoadOptions(arguments.GetRequiredValue(url)) { Rate = arguments.GetValue(rate), Mix = arguments.GetRequiredValue(mix) };
    var customers = await Customers.SignInAsync(options.Gateway, arguments.GetValue(count), cancellationToken);
    await using var load = await OpenLoop.StartAsync(options, customers, cancellationToken);
    for (var left = arguments.GetValue(seconds); left > 0 && !cancellationToken.IsCancellationRequested; left--)
    {
        await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (left % 5 == 0)
            Console.WriteLine($"{load.Requests} requests, {load.Failures} failed");
    }

    var report = await load.StopAsync();
    Console.Write(report.ToString());
    if (arguments.GetValue(file) is { } target)
    {
        await using var stream = target.Create();
        await JsonSerializer.SerializeAsync(stream, report, LoadJson.Default.LoadReport, CancellationToken.None);
    }

    return report.Failures.Count == 0 ? 0 : 1;
});
return await root.Parse(args).InvokeAsync();

static void Within(System.CommandLine.Parsing.OptionResult result, double value, double least, double most)
{
    if (value < least || value > most)
        result.AddError($"{result.Option.Name} takes a number from {least} to {most}.");
}

static Option<T> Parsed<T>(string name, string description, T otherwise, Func<string, T> parse) => new(name)
{
    Description = description,
    CustomParser = result =>
    {
        try
        {
            return parse(result.Tokens[0].Value);
        }
        catch (FormatException e)
        {
            result.AddError($"{name}: {e.Message}");
            return default;
        }
    },
    DefaultValueFactory = _ => otherwise,
};
