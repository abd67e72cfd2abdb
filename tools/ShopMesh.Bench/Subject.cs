using ShopMesh.Bench.Driving;
using ShopMesh.Bench.Measuring;

namespace ShopMesh.Bench;

/// <summary>Something that is measured.</summary>
/// <param name="Name">As <c>--only</c> has it.</param>
/// <param name="What">One line of it.</param>
/// <param name="Processes">Whose CPU it takes; null for every process of the shop and its database.</param>
/// <param name="Against">The names of its limits.</param>
/// <param name="RunAsync">Starts and stops the meter around what counts.</param>
internal sealed record Subject(string Name, string What, IReadOnlyList<string>? Processes, IReadOnlyList<string> Against, Func<CpuMeter, TimeSpan, CancellationToken, Task<Work>> RunAsync)
{
    public override string ToString() => Name;
}

/// <summary>One subject in one round.</summary>
/// <param name="Cpu">Microseconds per request, by process.</param>
/// <param name="Client">Microseconds per request of who asked.</param>
/// <param name="P50">Milliseconds, as is <see cref="P99"/>.</param>
public sealed record Measurement(long Count, double Rate, double P50, double P99, IReadOnlyDictionary<string, double> Cpu, double Client)
{
    public double Total => Cpu.Values.Sum();

    internal static async Task<Measurement> TakeAsync(Subject subject, Lab lab, TimeSpan window, CancellationToken cancellationToken)
    {
        var meter = new CpuMeter(lab.CpuTimes);
        var work = await subject.RunAsync(meter, window, cancellationToken);
        var later = await lab.SettleAsync(cancellationToken);
        var processes = subject.Processes ?? [.. lab.Shop.Processes.Select(process => process.Name), Lab.Postgres];
        return new(work.Count, work.Rate, work.At(50), work.At(99), processes.ToDictionary(name => name, PerRequest), PerRequest(Lab.Client));

        double PerRequest(string name) => (meter.Taken[name] + (name == Lab.Postgres ? later : TimeSpan.Zero)).TotalMicroseconds / Math.Max(1, work.Count);
    }
}

/// <summary>All rounds of one subject.</summary>
/// <param name="Cpu">Microseconds per request, by process; those that take part.</param>
/// <param name="Total">Of all of them.</param>
public sealed record Result(string Name, string What, Spread Rate, Spread P50, Spread P99, IReadOnlyDictionary<string, Spread> Cpu, Spread Total, Spread Client, IReadOnlyList<Measurement> Rounds)
{
    internal static Result Of(Subject subject, IReadOnlyList<Measurement> rounds)
    {
        var total = Spread.Of(rounds.Select(round => round.Total));
        var cpu = rounds[0].Cpu.Keys.Select(name => (Name: name, Spread: Spread.Of(rounds.Select(round => round.Cpu[name]))))
            .Where(process => process.Spread.Median >= 0.02 * total.Median).OrderByDescending(process => process.Spread.Median);
        return new(subject.Name, subject.What, Spread.Of(rounds.Select(round => round.Rate)), Spread.Of(rounds.Select(round => round.P50)), Spread.Of(rounds.Select(round => round.P99)),
            cpu.ToDictionary(process => process.Name, process => process.Spread), total, Spread.Of(rounds.Select(round => round.Client)), rounds);
    }
}
