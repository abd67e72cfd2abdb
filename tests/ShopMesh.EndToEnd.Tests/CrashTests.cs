using System.Collections.Concurrent;
using System.Net;
using ShopMesh.Hosting;

namespace ShopMesh.EndToEnd.Tests;

/// <summary>What was acknowledged ends as it should, whatever is killed or paused at whatever moment.</summary>
[Collection(nameof(Disturbed))]
public sealed class CrashTests(WholeShop shop, ITestOutputHelper output)
{
    private const int Rounds = 20;

    [Fact]
    public async Task After_kills_at_random_moments_every_acknowledged_order_ends_and_the_books_balance()
    {
        string[] victims = ["ordering", "inventory", "payment", "shipping", "identity"];
        var random = new Random(20261123);
        await using var traffic = await Traffic.StartAsync(shop);
        for (var round = 0; round < Rounds; round++)
        {
            await Task.Delay(random.Next(100, 800), TestContext.Current.CancellationToken);
            var victim = shop.Replica(victims[round % victims.Length], random.Next(2));
            await victim.KillAsync();
            await Task.Delay(random.Next(0, 500), TestContext.Current.CancellationToken);
            await victim.StartAsync(TestContext.Current.CancellationToken);
        }

        await ShouldEndWellAsync(traffic);
    }

    [Fact]
    public async Task After_a_worker_was_paused_for_longer_than_its_lease_the_books_balance()
    {
        await using var traffic = await Traffic.StartAsync(shop);
        foreach (var replica in new[] { 0, 1, 0 })
        {
            await Task.Delay(1_000, TestContext.Current.CancellationToken);
            var worker = shop.Replica("ordering", replica);
            worker.Pause();
            // A lease is 8 s: the other replica has taken the orders up by the time this one wakes.
            await Task.Delay(10_000, TestContext.Current.CancellationToken);
            worker.Resume();
        }

        await ShouldEndWellAsync(traffic);
    }

    [Fact]
    public async Task Two_replicas_share_the_orders_and_take_over_a_dead_ones_within_10_s()
    {
        using var customer = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(onHand: 1000);
        var card = await customer.TokeniseAsync();
        // Payment is paused, so that orders wait in both workers' hands when one of them dies.
        var payment = shop.Replica("payment", 0);
        List<string> orders = [];
        for (var i = 0; i < 20; i++)
        {
            await customer.PutInBasketAsync(product, 1);
            using var placed = await customer.PostOrderAsync(card);
            orders.Add((string)(await placed.ReadAsync())!["id"]!);
            if (i == 9)
                payment.Pause();
        }

        var worker = shop.Replica("ordering", 0);
        await worker.KillAsync();
        payment.Resume();
        var died = DateTime.UtcNow;
        try
        {
            foreach (var order in orders)
                await customer.UntilAsync(order, "confirmed", "dispatched", "delivered");
            var took = DateTime.UtcNow - died;
            output.WriteLine($"All of a dead worker's orders were confirmed after {took.TotalSeconds:0.0} s.");
            Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        }
        finally
        {
            await worker.StartAsync(TestContext.Current.CancellationToken);
        }
    }

    private async Task ShouldEndWellAsync(Traffic traffic)
    {
        await traffic.StopAsync();
        output.WriteLine($"{traffic.Orders.Count} orders were acknowledged, {traffic.Cancels.Count} cancels; {traffic.Failures} requests failed meanwhile.");
        Assert.True(traffic.Orders.Count > 20, "There was hardly any traffic.");
        var ends = new ConcurrentDictionary<string, string>();
        await Parallel.ForEachAsync(traffic.Orders, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (placed, _) =>
            ends[placed.Order] = (string)(await placed.Customer.UntilFinalAsync(placed.Order))["status"]!);
        Assert.All(traffic.Cancels, order => Assert.Equal("cancelled", ends[order]));
        await shop.ShouldPassTheAuditAsync();
    }

    /// <summary>Customers who order, and sometimes cancel, again and again; a request that was not answered is sent again with its key.</summary>
    private sealed class Traffic : IAsyncDisposable
    {
        private const int CustomerCount = 4;

        /// <summary>Between two orders of a customer: enough of them for every moment to be hit, and a machine that is not at its limit.</summary>
        private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

        private readonly CancellationTokenSource _stop = new();
        private readonly List<Shopper> _customers = [];
        private Task _running = Task.CompletedTask;
        private int _failures;

        public ConcurrentBag<(Shopper Customer, string Order)> Orders { get; } = [];

        public ConcurrentBag<string> Cancels { get; } = [];

        public int Failures => _failures;

        public static async Task<Traffic> StartAsync(WholeShop shop)
        {
            var traffic = new Traffic();
            var products = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => shop.NewProductAsync(onHand: 100_000)));
            for (var i = 0; i < CustomerCount; i++)
                traffic._customers.Add(await shop.CustomerAsync());
            var cards = await Task.WhenAll(traffic._customers.Select(customer => customer.TokeniseAsync()));
            traffic._running = Task.WhenAll(traffic._customers.Select((customer, index) => Task.Run(() => traffic.OrderOnAndOnAsync(customer, cards[index], products, new Random(index)))));
            return traffic;
        }

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await _running;
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            _customers.ForEach(customer => customer.Dispose());
            _stop.Dispose();
        }

        private async Task OrderOnAndOnAsync(Shopper customer, string card, string[] products, Random random)
        {
            while (!_stop.IsCancellationRequested)
            {
                var product = products[random.Next(products.Length)];
                if (await UntilAnsweredAsync(() => customer.PutAsync($"/api/basket/items/{product}", new { quantity = random.Next(1, 4) })) is not HttpStatusCode.OK)
                    continue;
                var key = Guid.NewGuid().ToString();
                string? order = null;
                var placed = await UntilAnsweredAsync(() => customer.PostOrderAsync(card, key), body => order = (string?)body?["id"]);
                if (placed is not HttpStatusCode.Created || order is null)
                    continue;
                Orders.Add((customer, order));
                if (random.Next(4) == 0 && await UntilAnsweredAsync(() => customer.PostAsync($"/api/orders/{order}/cancel", null)) is HttpStatusCode.Accepted)
                    Cancels.Add(order);
                await Task.Delay(Pause);
            }
        }

        /// <summary>As a good client does: what failed on the way is asked again.</summary>
        private async Task<HttpStatusCode?> UntilAnsweredAsync(Func<Task<HttpResponseMessage>> send, Action<System.Text.Json.Nodes.JsonNode?>? read = null)
        {
            for (var attempt = 0; attempt < 100; attempt++)
            {
                try
                {
                    using var response = await send();
                    Assert.NotEqual(HttpStatusCode.InternalServerError, response.StatusCode);
                    if ((int)response.StatusCode < 500)
                    {
                        read?.Invoke(await response.ReadAsync());
                        return response.StatusCode;
                    }
                }
                catch (HttpRequestException)
                {
                    // Broken off: counted below.
                }

                Interlocked.Increment(ref _failures);
                await Task.Delay(50);
            }

            return null;
        }
    }
}
