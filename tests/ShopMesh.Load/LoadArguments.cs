using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using System.Globalization;
using ShopMesh.Load.Journeys;

namespace ShopMesh.Load;

/// <summary>What a load is made of, as the command line says it.</summary>
public sealed class LoadArguments
{
    private readonly Option<Uri> _url;
    private readonly Option<string> _profile = new("--profile") { Description = "How the rate goes: constant, ramp (from --from to --rate), step (the same in --steps), or spike (--from, a fifth of the time --rate, --from).", DefaultValueFactory = _ => "constant" };
    private readonly Option<double> _rate = Number("--rate", "Requests per second; of a profile, the highest.", 100, 0.1, 50_000);
    private readonly Option<double?> _from = new("--from") { Description = "Requests per second at the beginning of a ramp, of steps or of a spike; a fifth of --rate by default." };
    private readonly Option<int> _steps = Whole("--steps", "How many steps there are.", 5, 2, 100);
    private readonly Option<TimeSpan> _for = Parsed("--for", $"How long: seconds, or such as 90s or 5m; {Customers.Lifetime.TotalMinutes:0}m at most, since the customers' tokens live for an hour.", TimeSpan.FromSeconds(60), ParseTime);
    private readonly Option<Mix> _mix = Parsed("--mix", $"How often each journey begins, compared with the others, such as browse=8,order=1; or one alone, such as product. There are {string.Join(", ", Journey.All)}.", Mix.Default, Mix.Parse);
    private readonly Option<int> _products = Whole("--products", "How many products the visitors know: 1 makes one that is hot; the more, the less a cache helps.", KnownShop.DefaultProducts, 1, 1_000_000);
    private readonly Option<int> _customers = Whole("--customers", "How many customers sign in before it begins.", 100, 1, 10_000);
    private readonly Option<TimeSpan> _timeout = Parsed("--timeout", "How long a request may take before it has failed.", TimeSpan.FromSeconds(40), ParseTime);

    private readonly Option<TimeSpan> _wait = Parsed("--wait", "How long to wait for a shop that does not answer yet.", TimeSpan.FromSeconds(5), ParseTime);

    /// <param name="defaultUrl">Where the shop is if nothing is said.</param>
    public LoadArguments(Func<Uri> defaultUrl)
    {
        _url = Parsed("--url", "The shop's address.", null, ParseAddress, defaultUrl);
        _profile.AcceptOnlyFromAmong("constant", "ramp", "step", "spike");
        _from.Validators.Add(result => Within(result, result.GetValueOrDefault<double?>() ?? 0, 0, 50_000));
    }

    public void AddTo(Command command)
    {
        foreach (var option in (IEnumerable<Option>)[_url, _profile, _rate, _from, _steps, _for, _mix, _products, _customers, _timeout, _wait])
            command.Options.Add(option);
    }

    /// <summary>Waits until the shop answers, gets to know it, and signs the customers in.</summary>
    /// <param name="progress">Told what is going on.</param>
    /// <exception cref="LoadException">The shop does not answer, or does not take them.</exception>
    public async Task<(LoadOptions Options, Customers Customers)> PrepareAsync(ParseResult arguments, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var options = OptionsOf(arguments);
        progress.Report($"waiting for {options.Gateway}");
        var shop = await WaitForAsync(options.Gateway, arguments.GetValue(_products), Stopwatch.GetTimestamp(), arguments.GetValue(_wait), cancellationToken);
        var count = options.Mix.NeedsCustomers ? arguments.GetValue(_customers) : 0;
        progress.Report($"{shop.Products} products known; {count} customers sign in");
        try
        {
            var customers = await Customers.SignInAsync(options.Gateway, count, cancellationToken, new Counted(progress, count));
            return (options with { Shop = shop }, customers);
        }
        catch (HttpRequestException e)
        {
            throw new LoadException($"The customers cannot sign in: {e.Message}", e);
        }
    }

    private static async Task<KnownShop> WaitForAsync(Uri gateway, int products, long since, TimeSpan patience, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await KnownShop.ReadAsync(gateway, products, cancellationToken);
            }
            catch (LoadException) when (Stopwatch.GetElapsedTime(since) < patience)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
            }
        }
    }

    internal LoadOptions OptionsOf(ParseResult arguments)
    {
        var (rate, duration) = (arguments.GetValue(_rate), arguments.GetValue(_for));
        var from = arguments.GetValue(_from) ?? rate / 5;
        return new(arguments.GetRequiredValue(_url))
        {
            Mix = arguments.GetRequiredValue(_mix),
            Timeout = arguments.GetValue(_timeout),
            Profile = arguments.GetRequiredValue(_profile) switch
            {
                "ramp" => Profile.Ramp(from, rate, duration),
                "step" => Profile.Step(from, rate, arguments.GetValue(_steps), duration),
                "spike" => Profile.Spike(from, rate, duration),
                _ => Profile.Constant(rate, duration),
            },
        };
    }

    private static Option<double> Number(string name, string description, double otherwise, double least, double most)
    {
        var option = new Option<double>(name) { Description = description, DefaultValueFactory = _ => otherwise };
        option.Validators.Add(result => Within(result, result.GetValueOrDefault<double>(), least, most));
        return option;
    }

    private static Option<int> Whole(string name, string description, int otherwise, int least, int most)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => otherwise };
        option.Validators.Add(result => Within(result, result.GetValueOrDefault<int>(), least, most));
        return option;
    }

    private static void Within(OptionResult result, double value, double least, double most)
    {
        if (!(value >= least && value <= most))
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{result.Option.Name} takes a number from {least} to {most}."));
    }

    private static Option<T> Parsed<T>(string name, string description, T? otherwise, Func<string, T> parse, Func<T>? orElse = null) => new(name)
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
        DefaultValueFactory = _ => orElse is null ? otherwise! : orElse(),
    };

    private static Uri ParseAddress(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" ? address : throw new FormatException($"'{text}' is no address such as http://localhost:8080.");

    private static TimeSpan ParseTime(string text)
    {
        var (number, unit) = text switch
        {
            [.. var minutes, 'm'] => (minutes, 60),
            [.. var seconds, 's'] => (seconds, 1),
            _ => (text, 1),
        };
        return int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && TimeSpan.FromSeconds((long)value * unit) is var time && time > TimeSpan.Zero && time <= Customers.Lifetime
            ? time
            : throw new FormatException($"'{text}' is no time such as 60, 90s or 5m, of {Customers.Lifetime.TotalMinutes:0}m at most.");
    }

    private sealed class Counted(IProgress<string> progress, int of) : IProgress<int>
    {
        public void Report(int value)
        {
            if (value % 25 == 0 || value == of)
                progress.Report($"{value} of {of} customers have signed in");
        }
    }
}
