namespace ShopMesh.Load.Tests;

public sealed class ProfileTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    public static TheoryData<Profile> Profiles =>
    [
        Profile.Constant(100, Minute),
        Profile.Ramp(0, 500, Minute),
        Profile.Ramp(500, 10, Minute),
        Profile.Ramp(100, 100.000001, Minute),
        Profile.Step(20, 100, 5, Minute),
        Profile.Spike(50, 1_000, Minute),
        Profile.Of(new(Minute, 0, 0), new(Minute, 0, 30), new(Minute, 30, 0)),
    ];

    [Theory]
    [MemberData(nameof(Profiles), DisableDiscoveryEnumeration = true)]
    public void As_many_visits_begin_by_any_time_as_the_rate_says(Profile profile)
    {
        const double requestsEach = 2.5;
        var arrivals = profile.Arrivals(requestsEach).ToList();

        Assert.Equal(profile.Requests / requestsEach, arrivals.Count, 1.0);
        Assert.Equal(arrivals.Order(), arrivals);
        var wanted = 0.0;
        for (var second = 0; second < profile.Duration.TotalSeconds; second++)
        {
            Assert.Equal(wanted / requestsEach, arrivals.Count(arrival => arrival < second), 2.0);
            wanted += Enumerable.Range(0, 100).Sum(part => profile.RateAt(TimeSpan.FromSeconds(second + ((part + 0.5) / 100)))) / 100;
        }
    }

    [Fact]
    public void A_constant_rate_is_evenly_spaced() =>
        Assert.Equal([0, 0.25, 0.5, 0.75], Profile.Constant(8, TimeSpan.FromSeconds(1)).Arrivals(2));

    [Fact]
    public void A_ramp_goes_evenly_from_one_rate_to_the_other()
    {
        var ramp = Profile.Ramp(100, 300, Minute);
        Assert.Equal([100, 200, 0], Rates(ramp, 0, 30, 60));
        Assert.Equal(12_000, ramp.Requests);
    }

    [Fact]
    public void Steps_are_of_one_height_and_one_length()
    {
        var steps = Profile.Step(20, 100, 5, Minute);
        Assert.Equal([20, 40, 60, 80, 100], Rates(steps, 0, 13, 30, 47, 59));
        Assert.Equal((Minute, 100.0), (steps.Duration, steps.Peak));
    }

    [Fact]
    public void A_spike_is_the_fifth_in_the_middle()
    {
        var spike = Profile.Spike(10, 200, Minute);
        Assert.Equal([10, 200, 200, 10], Rates(spike, 23, 25, 35, 37));
    }

    [Fact]
    public void A_profile_offers_something() => Assert.Throws<ArgumentException>(() => Profile.Of(new Stage(Minute, 0, 0)));

    private static IEnumerable<double> Rates(Profile profile, params IEnumerable<int> seconds) => seconds.Select(second => profile.RateAt(TimeSpan.FromSeconds(second)));
}
