using System.Diagnostics;
using ShopMesh.Bench.Measuring;
using ShopMesh.Bench.Scaling;
using ShopMesh.Hosting;
using ShopMesh.Load;
using ShopMesh.Load.Journeys;

namespace ShopMesh.Cli.Scaling;

/// <param name="Cpu">What each pod gets, as Kubernetes writes it.</param>
/// <param name="Rate">Requests per second of the load step; null to find one.</param>
internal sealed record ScaleOptions(IReadOnlyList<string> Services, IReadOnlyList<int> Replicas, string Cpu, LatencyGoal Goal, double? Rate);

/// <summary>What a cluster's shop does with more pods, under a load from here.</summary>
internal sealed class ScaleRun(ScaledShop shop, Uri gateway, Customers customers, ScaleOptions options, Action<string> progress, CancellationToken cancellationToken)
{
    /// <summary>What a service is loaded with: one kind of request that asks for little else. Orders are followed until they are confirmed, so that no backlog hides behind those that were taken.</summary>
    public static IReadOnlyDictionary<string, Journey> Loads { get; } = new Dictionary<string, Journey>
    {
        ["catalog"] = Journey.Page,
        ["basket"] = Journey.Put,
        ["ordering"] = Journey.Confirm,
        ["inventory"] = Journey.Confirm,
        ["payment"] = Journey.Confirm,
        ["shipping"] = Journey.Confirm,
        [Topology.Gateway] = Journey.Product,
    };

    private static readonly TimeSpan ProbeFor = TimeSpan.FromSeconds(8);

    /// <summary>A pod that has just begun compiles its code as it runs, which takes longer the less CPU it has.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan WarmUpLimit = TimeSpan.FromMinutes(5);

    /// <summary>
    /// From when on every pod has its part, and how long that is counted: until chance, since the gateway picks pods at random, moves
    /// a pod's part by no more than 2.5 % of it (standard deviation).
    /// </summary>
    private static readonly TimeSpan UntilEven = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan CountFor = TimeSpan.FromSeconds(80);

    /// <summary>Requests per second that a pod stands before its code is hot.</summary>
    private const double GentleRate = 15;

    /// <summary>How long an autoscaler may take to bring pods, and to take them away: its controller waits for 5 minutes by default.</summary>
    private static readonly TimeSpan UpLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan DownLimit = TimeSpan.FromMinutes(9);

    private KnownShop? _known;

    /// <summary>
    /// A service with each number of replicas: up from the fewest, as it ships, for how soon new pods serve and how evenly; then down from
    /// the most, with hot code, for how much they do.
    /// </summary>
    public async Task<IReadOnlyList<ScalePoint>> MeasureAsync(string service)
    {
        progress($"{service}: {options.Cpu} CPU for each pod");
        await shop.ShareAsync(service, options.Cpu, isLimit: true, cancellationToken);
        var arrivals = new Dictionary<int, (TimeSpan After, IReadOnlyList<double> Shares)>();
        foreach (var replicas in options.Replicas.Order())
        {
            progress($"{service}: scaling up to {replicas}");
            var (after, pods) = await shop.ScaleAsync(service, replicas, cancellationToken);
            arrivals[replicas] = (after, await SharesAsync(service, pods));
        }

        progress($"{service}: pods that optimise their code early");
        await WarmUpAsync(service, await shop.OptimiseEarlyAsync(service, cancellationToken));
        var points = new List<ScalePoint>();
        foreach (var replicas in options.Replicas.OrderDescending())
        {
            progress($"{service}: scaling down to {replicas}");
            await shop.ScaleAsync(service, replicas, cancellationToken);
            var first = points.Count == 0 ? 20 * replicas : points[0].Highest * replicas / points[0].Replicas;
            var found = await new RateSearch(least: 1, most: 20_000, precision: 0.04).FindAsync(Math.Max(1, first), rate => ProbeAsync(service, replicas, rate), probe => probe.Meets);
            var use = await UseAsync(service, Math.Max(1, found.Highest));
            var beyond = double.IsInfinity(found.Lowest) ? use : await UseAsync(service, 1.1 * found.Lowest);
            points.Insert(0, new(service, replicas, found.Highest, found.Lowest, [.. found.Probes.Select(probe => probe.Probe)],
                arrivals[replicas].After, arrivals[replicas].Shares, use, beyond, Bottleneck.Name(service, beyond)));
        }

        return points;
    }

    /// <summary>A load step up and down with an autoscaler on.</summary>
    public async Task<HpaRun> StepAsync(string service)
    {
        progress($"{service}: {options.Cpu} CPU asked for each pod, and an autoscaler");
        await shop.ShareAsync(service, options.Cpu, isLimit: false, cancellationToken);
        // Else the step is made for cold code, and needs fewer pods by and by.
        await WarmUpAsync(service, await shop.OptimiseEarlyAsync(service, cancellationToken));
        const double low = 10;
        var most = options.Replicas.Max();
        var high = options.Rate ?? await FindStepAsync(service, low, most);
        var autoscaler = await shop.AutoscaleAsync(service, most, cancellationToken);

        var (moments, watch) = (new List<HpaMoment>(), Stopwatch.StartNew());
        var (requests, failed) = (0L, 0L);
        await PhaseAsync(low, TimeSpan.FromSeconds(20), _ => false);
        var up = watch.Elapsed;
        progress($"{service}: step up to {high:0}/s");
        // Until no pod has come for a while.
        await PhaseAsync(high, UpLimit, moment => moment.Ready > 1 && moment.Wanted == moment.Ready && moment.At - LastChange(up.TotalSeconds) > 45);
        var down = watch.Elapsed;
        progress($"{service}: step down to {low:0}/s");
        await PhaseAsync(low, DownLimit, moment => moment.Ready == 1);

        var peak = moments.Max(moment => moment.Ready);
        return new(service, autoscaler, moments, up.TotalSeconds, down.TotalSeconds,
            Since(up, moments.FirstOrDefault(moment => moment.At >= up.TotalSeconds && moment.Ready > 1)),
            Since(up, peak > 1 ? moments.First(moment => moment.At >= up.TotalSeconds && moment.Ready == peak) : null),
            Since(down, moments.FirstOrDefault(moment => moment.At >= down.TotalSeconds && moment.Ready == 1)),
            requests, failed);

        double LastChange(double since) => moments.Zip(moments.Skip(1)).Where(pair => pair.First.Ready != pair.Second.Ready).Select(pair => pair.Second.At).Append(since).Max();

        static TimeSpan? Since(TimeSpan from, HpaMoment? moment) => moment is null ? null : TimeSpan.FromSeconds(moment.At) - from;

        async Task PhaseAsync(double rate, TimeSpan limit, Func<HpaMoment, bool> isOver)
        {
            await using var load = await StartAsync(service, rate);
            for (var begun = watch.Elapsed; watch.Elapsed - begun < limit;)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
                var (wanted, ready) = await shop.ReplicasAsync(service, cancellationToken);
                moments.Add(new(watch.Elapsed.TotalSeconds, rate, load.Latest.All?.Answered ?? 0, load.Latest.All?.P99 ?? 0, wanted, ready));
                if (isOver(moments[^1]))
                    break;
            }

            var report = await load.StopAsync();
            (requests, failed) = (requests + report.Requests, failed + report.Failed);
        }
    }

    /// <summary>What as many pods as there may be would take, each as busy as the autoscaler wants it.</summary>
    private async Task<double> FindStepAsync(string service, double low, int most)
    {
        progress($"{service}: what a request costs");
        var use = await UseAsync(service, low);
        var own = use.Pods.Where(pod => pod.Service == service && !pod.IsDatabase).ToList();
        var cost = own.Sum(pod => pod.Cpu) / low;
        return Math.Max(2 * low, 0.95 * most * Autoscaler.TargetPercent / 100.0 * Quantity.Parse(options.Cpu) / Math.Max(cost, 1e-4));
    }

    /// <returns>Each pod's part of the requests, from ten seconds after all were ready.</returns>
    private async Task<IReadOnlyList<double>> SharesAsync(string service, IReadOnlyList<string> pods)
    {
        if (pods.Count == 1)
            return [1];
        progress($"{service}: what each of {pods.Count} is asked");
        await using var load = await StartAsync(service, GentleRate * pods.Count);
        await Task.Delay(UntilEven, cancellationToken);
        var before = await shop.SampleAsync(service, pods, cancellationToken);
        await Task.Delay(CountFor, cancellationToken);
        var after = await shop.SampleAsync(service, pods, cancellationToken);
        var counts = pods.Select(pod => after[pod].Requests - before[pod].Requests).ToList();
        return [.. counts.Select(count => count / Math.Max(1, counts.Sum()))];
    }

    /// <summary>Until pods take no less CPU than a while before, and have some left: what they take to compile is no part of what they serve.</summary>
    private async Task WarmUpAsync(string service, IReadOnlyList<string> pods)
    {
        progress($"{service}: warming {pods.Count} up");
        await using var load = await StartAsync(service, GentleRate * pods.Count);
        var share = Quantity.Parse(options.Cpu);
        var watch = Stopwatch.StartNew();
        var (last, sample) = (double.PositiveInfinity, await shop.SampleAsync(service, pods, cancellationToken));
        while (watch.Elapsed < WarmUpLimit)
        {
            var begun = watch.Elapsed;
            await Task.Delay(WarmUp, cancellationToken);
            var now = await shop.SampleAsync(service, pods, cancellationToken);
            var cpu = pods.Average(pod => now[pod].Since(sample[pod], watch.Elapsed - begun).Cpu);
            if (cpu < 0.7 * share && cpu > 0.9 * last)
                return;
            (last, sample) = (cpu, now);
        }
    }

    private async Task<ScaleProbe> ProbeAsync(string service, int replicas, double rate)
    {
        progress($"{service}: {replicas} replicas at {rate:0.0}/s");
        var load = await StartAsync(service, rate, ProbeFor);
        await using (load)
        {
            await load.Scheduled.WaitAsync(cancellationToken);
            var report = await load.StopAsync();
            var latency = options.Goal.Percentile switch { 50 => report.Latencies.P50, 90 => report.Latencies.P90, 99 => report.Latencies.P99, _ => report.Latencies.P999 };
            return new(rate, latency, report.Failed, latency <= options.Goal.Milliseconds && report.Failed == 0);
        }
    }

    private async Task<ClusterUse> UseAsync(string service, double rate)
    {
        progress($"{service}: CPU and memory at {rate:0.0}/s");
        await using var load = await StartAsync(service, rate);
        // The first seconds are those of a queue that fills.
        await Task.Delay(TimeSpan.FromSeconds(5), cancellationToken);
        var use = await shop.UseAsync(service, cancellationToken);
        var report = await load.StopAsync();
        return use with { GeneratorCores = report.ProcessorTime / report.Elapsed, GeneratorLateness = report.Lateness.P99 };
    }

    private async Task<OpenLoop> StartAsync(string service, double rate, TimeSpan? duration = null) => await OpenLoop.StartAsync(
        new(gateway)
        {
            Mix = Mix.Only(Loads[service]),
            Rate = rate,
            Profile = duration is { } time ? Profile.Constant(rate, time) : null,
            Shop = _known ??= await KnownShop.ReadAsync(gateway, cancellationToken: cancellationToken),
            // What is late by ten seconds is late enough.
            Timeout = TimeSpan.FromSeconds(10),
        },
        customers, cancellationToken);
}
