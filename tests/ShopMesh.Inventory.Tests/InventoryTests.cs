using Grpc.Core;
using ShopMesh.Inventory.V1;
using Client = ShopMesh.Inventory.V1.Inventory.InventoryClient;
using Committed = ShopMesh.Inventory.V1.CommitResponse.Types.Outcome;
using Outcome = ShopMesh.Inventory.V1.ReserveResponse.Types.Outcome;

[assembly: AssemblyFixture(typeof(ShopMesh.Inventory.Tests.InventoryShop))]

namespace ShopMesh.Inventory.Tests;

public sealed class InventoryShop() : RunningShop("inventory");

public sealed class InventoryTests(InventoryShop shop) : IAsyncLifetime
{
    private Client _inventory = null!;

    public async ValueTask InitializeAsync() => _inventory = new(await shop.CallAsync("inventory"));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task An_order_holds_all_of_its_lines_or_none()
    {
        var (plenty, scarce) = (await StockAsync(10), await StockAsync(1));

        var refused = await ReserveAsync(Order(), (plenty, 3), (scarce, 2));
        var held = await ReserveAsync(Order(), (plenty, 3), (scarce, 1));

        Assert.Equal((Outcome.OutOfStock, scarce), (refused.Outcome, Assert.Single(refused.MissingProductIds)));
        Assert.Equal(Outcome.Reserved, held.Outcome);
        Assert.Equal((10, 3), await shop.StockAsync(plenty));
        Assert.Equal((1, 1), await shop.StockAsync(scarce));
    }

    [Fact]
    public async Task What_is_asked_twice_is_done_once_and_answered_the_same()
    {
        var product = await StockAsync(10);
        var order = Order();

        Assert.Equal(Outcome.Reserved, (await ReserveAsync(order, (product, 4))).Outcome);
        Assert.Equal(Outcome.Reserved, (await ReserveAsync(order, (product, 4))).Outcome);
        Assert.Equal((10, 4), await shop.StockAsync(product));
        await CommitAsync(order);
        await CommitAsync(order);
        Assert.Equal(Outcome.Reserved, (await ReserveAsync(order, (product, 4))).Outcome);
        Assert.Equal((6, 0), await shop.StockAsync(product));
        await ReleaseAsync(order);
        await ReleaseAsync(order);
        Assert.Equal((10, 0), await shop.StockAsync(product));
    }

    [Fact]
    public async Task An_out_of_stock_order_stays_so_when_more_arrives()
    {
        var product = await StockAsync(1);
        var order = Order();
        Assert.Equal(Outcome.OutOfStock, (await ReserveAsync(order, (product, 2))).Outcome);
        using var more = await shop.Admin.PutAsync($"/api/inventory/{product}", new { onHand = 100 });

        var again = await ReserveAsync(order, (product, 2));

        Assert.Equal((Outcome.OutOfStock, product), (again.Outcome, Assert.Single(again.MissingProductIds)));
        Assert.Equal((100, 0), await shop.StockAsync(product));
    }

    [Fact]
    public async Task What_was_released_before_it_was_reserved_never_is()
    {
        var product = await StockAsync(10);
        var order = Order();
        await ReleaseAsync(order);

        Assert.Equal(Outcome.Released, (await ReserveAsync(order, (product, 4))).Outcome);
        Assert.Equal([Committed.NothingHeld], await CommitAsync(order));

        Assert.Equal((10, 0), await shop.StockAsync(product));
    }

    [Fact]
    public async Task The_last_piece_is_sold_once_and_nobody_waits_in_a_circle()
    {
        var (one, other) = (await StockAsync(20), await StockAsync(20));

        // Half of them ask in the other order, and every order is asked twice at once.
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => (Order: $"{Guid.NewGuid()}", Lines: i % 2 == 0 ? new[] { (one, 1), (other, 1) } : [(other, 1), (one, 1)]))
            .SelectMany(order => new[] { order, order })
            .Select(async order => (order.Order, (await ReserveAsync(order.Order, order.Lines)).Outcome)));

        var outcomes = answers.GroupBy(answer => answer.Order, answer => answer.Outcome).Select(order => Assert.Single(order.Distinct()));
        Assert.Equal(20, outcomes.Count(outcome => outcome is Outcome.Reserved));
        Assert.Equal((20, 20), await shop.StockAsync(one));
        Assert.Equal((20, 20), await shop.StockAsync(other));
    }

    [Fact]
    public async Task Orders_of_one_call_are_each_answered_at_their_place_and_the_first_come_first()
    {
        var (product, other) = (await StockAsync(5), await StockAsync(1));
        var (first, second, released, third) = (Order(), Order(), Order(), Order());
        await ReleaseAsync(released);

        // The first is asked for twice, the second leaves too few for the third, which takes none of the other product then.
        var answers = (await _inventory.ReserveAsync(new() { Orders = { Wish(second, (product, 3)), Wish(first, (product, 1)), Wish(released, (product, 1)), Wish(third, (other, 1), (product, 2)), Wish(first, (product, 1)) } })).Results;

        Assert.Equal([Outcome.Reserved, Outcome.Reserved, Outcome.Released, Outcome.OutOfStock, Outcome.Reserved], answers.Select(answer => answer.Outcome));
        Assert.Equal(product, Assert.Single(answers[3].MissingProductIds));
        Assert.Equal([(5, 4), (1, 0)], [await shop.StockAsync(product), await shop.StockAsync(other)]);
        Assert.Equal([Committed.Committed, Committed.NothingHeld, Committed.Committed, Committed.NothingHeld, Committed.Committed], await CommitAsync(first, third, second, released, first));
        Assert.Equal((1, 0), await shop.StockAsync(product));
        await ReleaseAsync(second, third, second, Order());
        Assert.Equal((4, 0), await shop.StockAsync(product));
    }

    [Fact]
    public async Task The_same_orders_in_many_calls_at_once_hold_what_they_hold_once_beside_an_admin_who_counts()
    {
        var products = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => StockAsync(1000)));
        var wishes = Enumerable.Range(0, 20).Select(_ => Wish(Order(), products.Select(product => (product, 1)))).ToArray();

        var calls = Enumerable.Range(0, 12).Select(async seed =>
        {
            var (random, mine) = (new Random(seed), wishes.Select(wish => wish.Clone()).ToArray());
            random.Shuffle(mine);
            var answers = (await _inventory.ReserveAsync(new() { Orders = { mine } })).Results;
            Assert.All(answers, answer => Assert.Equal(Outcome.Reserved, answer.Outcome));
            random.Shuffle(mine);
            Assert.All(await CommitAsync(mine.Select(wish => wish.OrderId)), outcome => Assert.Equal(Committed.Committed, outcome));
        });
        var counts = products.Select(async product =>
        {
            using var set = await shop.Admin.PutAsync($"/api/inventory/{product}", new { onHand = 2000 });
            Assert.True(set.IsSuccessStatusCode);
        });
        await Task.WhenAll(calls.Concat(counts));

        await ReleaseAsync(wishes.Take(5).Select(wish => wish.OrderId));
        foreach (var product in products)
        {
            var (onHand, reserved) = await shop.StockAsync(product);
            // Counted before, between or after the sales.
            Assert.InRange(onHand, 1985, 2005);
            Assert.Equal(0, reserved);
        }

        Assert.DoesNotContain("deadlock", await shop.DatabaseLogAsync(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task On_hand_cannot_fall_below_what_is_held_and_every_change_is_in_the_ledger()
    {
        var since = DateTime.UtcNow;
        var product = await StockAsync(10);
        var order = Order();
        await ReserveAsync(order, (product, 4));

        using var refused = await shop.Admin.PutAsync($"/api/inventory/{product}", new { onHand = 3 });
        await refused.ShouldBeProblemAsync(System.Net.HttpStatusCode.Conflict);
        using var corrected = await shop.Admin.PutAsync($"/api/inventory/{product}", new { onHand = 12 });
        await CommitAsync(order);

        var stock = (await shop.Admin.GetAsync($"/api/admin/inventory?limit=100&updatedSince={since:yyyy-MM-ddTHH:mm:ss.ffffffZ}"))["items"]!.AsArray()
            .Single(item => (string)item!["productId"]! == product)!;
        Assert.Equal((12, 4, 8), ((int)stock["ledger"]!["corrected"]!, (int)stock["ledger"]!["sold"]!, (int)stock["onHand"]!));
    }

    [Fact]
    public async Task What_makes_no_sense_is_refused_and_changes_nothing()
    {
        var product = await StockAsync(10);

        await ShouldFailAsync(StatusCode.InvalidArgument, ReserveAsync("", (product, 1)));
        await ShouldFailAsync(StatusCode.InvalidArgument, ReserveAsync(Order()));
        await ShouldFailAsync(StatusCode.InvalidArgument, ReserveAsync(Order(), (product, 0)));
        await ShouldFailAsync(StatusCode.InvalidArgument, ReserveAsync(Order(), (product, -1)));
        await ShouldFailAsync(StatusCode.InvalidArgument, ReserveAsync(Order(), (product, 1), (product, 1)));
        await ShouldFailAsync(StatusCode.InvalidArgument, _inventory.ReserveAsync(new()));
        await ShouldFailAsync(StatusCode.InvalidArgument, _inventory.ReserveAsync(new() { Orders = { Wish(Order(), (product, 1)), Wish(Order(), (product, 0)) } }));
        await ShouldFailAsync(StatusCode.InvalidArgument, _inventory.CommitAsync(new() { OrderIds = { Enumerable.Repeat(Order(), 101) } }));
        Assert.Equal([Committed.NothingHeld], await CommitAsync(Order()));

        Assert.Equal((10, 0), await shop.StockAsync(product));
    }

    private static string Order() => Guid.CreateVersion7().ToString();

    private async Task<string> StockAsync(int onHand)
    {
        var product = Guid.CreateVersion7().ToString();
        using var set = await shop.Admin.PutAsync($"/api/inventory/{product}", new { onHand });
        Assert.True(set.IsSuccessStatusCode);
        return product;
    }

    private static ReserveRequest.Types.Order Wish(string order, params IEnumerable<(string Product, int Quantity)> lines) => new()
    {
        OrderId = order,
        Lines = { lines.Select(line => new Line { ProductId = line.Product, Quantity = line.Quantity }) },
    };

    private async Task<ReserveResponse.Types.Result> ReserveAsync(string order, params IEnumerable<(string Product, int Quantity)> lines) =>
        Assert.Single((await _inventory.ReserveAsync(new() { Orders = { Wish(order, lines) } })).Results);

    private async Task<IEnumerable<Committed>> CommitAsync(params IEnumerable<string> orders) => (await _inventory.CommitAsync(new() { OrderIds = { orders } })).Outcomes;

    private async Task ReleaseAsync(params IEnumerable<string> orders) => await _inventory.ReleaseAsync(new() { OrderIds = { orders } });

    private static Task ShouldFailAsync<T>(StatusCode code, AsyncUnaryCall<T> call) => ShouldFailAsync(code, call.ResponseAsync);

    private static async Task ShouldFailAsync(StatusCode code, Task call) => Assert.Equal(code, (await Assert.ThrowsAsync<RpcException>(() => call)).StatusCode);
}
