using ShopMesh.Load.Journeys;

namespace ShopMesh.Load.Tests;

public sealed class MixTests
{
    [Theory]
    [InlineData("browse=8,basket=2,order=1")]
    [InlineData("search=3,watch=1")]
    [InlineData("product")]
    public void A_mix_reads_as_it_is_written(string text) => Assert.Equal(text, Mix.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("steal=1")]
    [InlineData("browse=0")]
    [InlineData("browse=-1")]
    [InlineData("browse=1001")]
    [InlineData("browse=1,")]
    [InlineData("browse=much")]
    public void What_is_no_mix_is_refused(string text) => Assert.Throws<FormatException>(() => Mix.Parse(text));

    [Fact]
    public void Every_journey_can_be_asked_for_alone() => Assert.All(Journey.All, journey => Assert.Equal(journey, Mix.Parse(journey.Name).Parts.Single().Journey));

    [Fact]
    public void A_round_has_each_journey_as_often_as_its_weight_and_spread_evenly()
    {
        var round = new Mix(Browse: 6, Basket: 3, Order: 1).Interleave();

        Assert.Equal([6, 3, 1], new[] { Journey.Browse, Journey.Basket, Journey.Order }.Select(journey => round.Count(other => other == journey)));
        Assert.All(round.Chunk(5), half => Assert.Equal(3, half.Count(journey => journey == Journey.Browse)));
    }
}
