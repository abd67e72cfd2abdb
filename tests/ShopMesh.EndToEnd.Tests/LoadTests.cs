using ShopMesh.Load;
using ShopMesh.Load.Journeys;

namespace ShopMesh.EndToEnd.Tests;

/// <summary>What the load generator takes for right is what the shop does.</summary>
[Collection(nameof(Disturbed))]
public sealed class LoadTests(WholeShop shop, ITestOutputHelper output)
{
    [Fact]
    public async Task Every_journey_finds_the_shop_in_order()
    {
        var customers = await Customers.SignInAsync(shop.Gateway, 30, TestContext.Current.CancellationToken);
        var mix = new Mix([.. Journey.All.Select(journey => (journey, 1))]);

        var report = await OpenLoop.RunAsync(new(shop.Gateway) { Mix = mix, Profile = Profile.Ramp(10, 60, TimeSpan.FromSeconds(15)) }, customers, TestContext.Current.CancellationToken);

        output.WriteLine(report.ToString());
        Assert.True(report.Failed == 0, report.ToString());
        Assert.All(report.Journeys, journey => Assert.NotEqual(0, journey.Offered));
        // Others may end while they are looked at: other tests have left products without stock.
        Assert.InRange(report.OrdersEnded.Values.Sum(), report.Journeys.Single(journey => journey.Journey == "watch").Offered, report.OrdersPlaced);
        await shop.ShouldPassTheAuditAsync();
    }
}
