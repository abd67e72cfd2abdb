using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Npgsql;

namespace ShopMesh.Ordering.Tests;

/// <summary>Orders share calls and statements, and nothing else.</summary>
public sealed class BatchTests(LossyShop lossy, ITestOutputHelper output) : IClassFixture<LossyShop>
{
    private RunningShop Shop => lossy.Shop;

    [Theory]
    [InlineData("Reserve")]
    [InlineData("CreateShipments")]
    public async Task An_order_that_a_service_stumbles_over_is_tried_on_and_on_and_holds_up_no_other(string step)
    {
        using var unlucky = await Shop.CustomerAsync();
        var (product, poison) = (await Shop.NewProductAsync(onHand: 1_000), await Shop.NewProductAsync(onHand: 1_000));
        // What the step sends of an order: its products, or its address.
        var town = $"Town {Guid.NewGuid():N}";
        lossy.Mesh.Poison(step, step is "Reserve" ? poison : town);

        await unlucky.PutInBasketAsync(poison, 1);
        var placing = PlaceAsync(unlucky, await unlucky.TokeniseAsync(), town);
        var others = await CrowdAsync(product, 30);
        var order = await placing;
        await Task.WhenAll(others.Select(other => other.Customer.UntilAsync(other.Order, "confirmed", "dispatched", "delivered")));

        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(20), async () => (int)(await OrderAsync(order))["attempts"]! >= 3);
        Assert.Contains("stumbled", (string)(await OrderAsync(order))["lastError"]!);
        lossy.Mesh.Cure(step);
        await unlucky.UntilAsync(order, "confirmed", "dispatched", "delivered");
        Assert.Equal(970, (await Shop.StockAsync(product)).OnHand);
        Leave(others);
    }

    /// <summary>Each order by itself would take 9 calls, and some 16 commands in all databases.</summary>
    [Fact]
    public async Task In_a_crowd_an_order_costs_few_calls_and_few_statements()
    {
        var product = await Shop.NewProductAsync(onHand: 10_000);
        // The first time much is done once.
        Leave(await CrowdAsync(product, 40));
        (double Calls, double Commands) before = default;

        var crowd = await CrowdAsync(product, 40, beforeOrdering: async () => before = await CountAsync());
        await UntilConfirmedAsync(crowd);
        var after = await CountAsync();

        var (calls, commands) = ((after.Calls - before.Calls) / crowd.Count, (after.Commands - before.Commands) / crowd.Count);
        output.WriteLine($"{calls:0.00} calls and {commands:0.00} commands an order.");
        Assert.InRange(calls, 0.1, 2);
        Assert.InRange(commands, 0.1, 4);
        Leave(crowd);
    }

    /// <summary>So many customers, who order at the same time.</summary>
    private async Task<List<(Shopper Customer, string Order)>> CrowdAsync(string product, int size, Func<Task>? beforeOrdering = null)
    {
        var customers = await Task.WhenAll(Enumerable.Range(0, size).Select(_ => Shop.CustomerAsync()));
        var cards = await Task.WhenAll(customers.Select(customer => customer.TokeniseAsync()));
        await Task.WhenAll(customers.Select(customer => customer.PutInBasketAsync(product, 1)));
        if (beforeOrdering is not null)
            await beforeOrdering();
        return [.. await Task.WhenAll(customers.Zip(cards, async (customer, card) => (customer, await PlaceAsync(customer, card))))];
    }

    private static async Task<string> PlaceAsync(Shopper customer, string card, string city = "Lisboa")
    {
        var order = JsonNode.Parse(JsonSerializer.Serialize(Shopper.OrderOf(card)))!;
        order["shippingAddress"]!["city"] = city;
        using var placed = await customer.PostAsync("/api/orders", order.ToJsonString(), ("Idempotency-Key", Guid.NewGuid().ToString()));
        Assert.Equal(HttpStatusCode.Created, placed.StatusCode);
        return (string)(await placed.ReadAsync())!["id"]!;
    }

    /// <summary>Asks the database, since a question to a service would count.</summary>
    private async Task UntilConfirmedAsync(List<(Shopper Customer, string Order)> crowd)
    {
        await using var database = NpgsqlDataSource.Create(Shop.Processes.Database("ordering"));
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(30), async () =>
        {
            await using var command = database.CreateCommand("SELECT count(*) FROM orders WHERE id::text = ANY($1) AND jsonb_path_exists(history, '$[*].status ? (@ == \"confirmed\")')");
            command.Parameters.Add(new() { Value = crowd.Select(other => other.Order).ToArray() });
            return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))! == crowd.Count;
        });
    }

    /// <summary>As an admin sees it, among those that have changed of late.</summary>
    private async Task<JsonNode> OrderAsync(string order)
    {
        var since = DateTime.UtcNow.AddSeconds(-30).ToString("s");
        return (await Shop.Admin.AllAsync($"/api/admin/orders?limit=100&updatedSince={since}Z")).First(item => (string)item["id"]! == order);
    }

    /// <summary>gRPC calls between the services, and commands that they sent to their databases (a batch of statements is one), until now.</summary>
    private async Task<(double Calls, double Commands)> CountAsync()
    {
        using var http = new HttpClient();
        var metrics = await Task.WhenAll(Shop.Processes.Processes.Select(process => http.GetStringAsync(new Uri(process.Http, "/metrics"), TestContext.Current.CancellationToken)));
        var lines = metrics.SelectMany(text => text.Split('\n')).ToList();
        return (Sum(lines, "http_server_request_duration_seconds_count", "/shopmesh."), Sum(lines, "db_client_operation_duration_seconds_count", ""));
    }

    private static double Sum(IEnumerable<string> lines, string metric, string label) => lines
        .Where(line => line.StartsWith(metric, StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
        .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture));

    private static void Leave(List<(Shopper Customer, string Order)> crowd) => crowd.ForEach(other => other.Customer.Dispose());
}
