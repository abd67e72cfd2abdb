namespace ShopMesh.Load;

/// <summary>A part of a profile, over which the rate goes evenly from one value to another.</summary>
/// <param name="From">Requests per second at its beginning.</param>
/// <param name="To">Requests per second at its end.</param>
public sealed record Stage(TimeSpan For, double From, double To)
{
    /// <summary>How many requests it offers.</summary>
    internal double Requests => (From + To) / 2 * For.TotalSeconds;

    /// <summary>Seconds from its beginning until it has offered that many.</summary>
    internal double TimeOf(double requests)
    {
        // The rate's integral is from·t + a·t²; solved in the form that loses no digits where a is small.
        var a = (To - From) / (2 * For.TotalSeconds);
        return requests <= 0 ? 0 : 2 * requests / (From + Math.Sqrt(Math.Max(0, (From * From) + (4 * a * requests))));
    }
}

/// <summary>How the offered rate goes over time.</summary>
public sealed class Profile
{
    private Profile(string name, params IReadOnlyList<Stage> stages)
    {
        if (stages.Count == 0 || stages.Any(stage => stage.For <= TimeSpan.Zero || stage.From < 0 || stage.To < 0) || stages.All(stage => stage.Requests == 0))
            throw new ArgumentException("A profile has stages that take time, and offers a load in one at least.", nameof(stages));
        (Name, Stages) = (name, stages);
    }

    public string Name { get; }

    public IReadOnlyList<Stage> Stages { get; }

    public TimeSpan Duration => TimeSpan.FromTicks(Stages.Sum(stage => stage.For.Ticks));

    /// <summary>The highest rate, in requests per second.</summary>
    public double Peak => Stages.Max(stage => Math.Max(stage.From, stage.To));

    /// <summary>All that it offers.</summary>
    public double Requests => Stages.Sum(stage => stage.Requests);

    /// <summary>The same rate all the time.</summary>
    public static Profile Constant(double rate, TimeSpan duration) => new("constant", new Stage(duration, rate, rate));

    /// <summary>Evenly from one rate to another.</summary>
    public static Profile Ramp(double from, double to, TimeSpan duration) => new("ramp", new Stage(duration, from, to));

    /// <summary>From one rate to another in steps of the same height and the same length.</summary>
    /// <param name="count">How many rates there are, the first and the last included: 2 or more.</param>
    public static Profile Step(double from, double to, int count, TimeSpan duration)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        return new("step", [.. Enumerable.Range(0, count).Select(index => from + ((to - from) * index / (count - 1))).Select(rate => new Stage(duration / count, rate, rate))]);
    }

    /// <summary>Two fifths of the time at one rate, one fifth at the other, and back: whether a shop recovers.</summary>
    public static Profile Spike(double from, double to, TimeSpan duration) =>
        new("spike", new Stage(duration * 0.4, from, from), new Stage(duration * 0.2, to, to), new Stage(duration * 0.4, from, from));

    /// <summary>Any other.</summary>
    /// <exception cref="ArgumentException">A stage takes no time, or none offers a load.</exception>
    public static Profile Of(params IReadOnlyList<Stage> stages) => new("custom", stages);

    /// <summary>The offered rate at a time, in requests per second; 0 after the end.</summary>
    public double RateAt(TimeSpan time)
    {
        foreach (var stage in Stages)
        {
            if (time < stage.For)
                return stage.From + ((stage.To - stage.From) * (time / stage.For));
            time -= stage.For;
        }

        return 0;
    }

    public override string ToString() => $"{Name}: {string.Join(", ", Stages.Select(stage => stage.From == stage.To ? $"{stage.From:0.#}/s for {stage.For.TotalSeconds:0.#} s" : $"{stage.From:0.#} to {stage.To:0.#}/s in {stage.For.TotalSeconds:0.#} s"))}";

    /// <summary>When visits begin, as seconds from the beginning of the load: evenly spaced while the rate is constant.</summary>
    /// <param name="requestsEach">How many requests a visit makes on the average.</param>
    internal IEnumerable<double> Arrivals(double requestsEach)
    {
        var (begins, before) = (0.0, 0.0);
        long number = 0;
        foreach (var stage in Stages)
        {
            for (; (number * requestsEach) - before is var wanted && wanted < stage.Requests; number++)
                yield return begins + stage.TimeOf(wanted);
            begins += stage.For.TotalSeconds;
            before += stage.Requests;
        }
    }
}
