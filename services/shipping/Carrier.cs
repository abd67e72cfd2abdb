using Microsoft.EntityFrameworkCore;
using ShopMesh.Shipping.Data;

namespace ShopMesh.Shipping;

/// <summary>
/// Stands in for the companies that carry parcels: delivers what was dispatched, once its time has come by the database's clock.
/// One statement, so that any number of replicas may run it.
/// </summary>
internal sealed partial class Carrier(IServiceScopeFactory scopes, TimeProvider time, ILogger<Carrier> logger) : BackgroundService
{
    private static readonly string[] Companies = ["Northwind Parcel", "Bluebird Express", "Harbour Post"];

    /// <summary>The company and the number that an order's parcel is given: always the same.</summary>
    public static (string Company, string TrackingNumber) Assign(Guid shipment)
    {
        var bytes = shipment.ToByteArray();
        var number = BitConverter.ToUInt64(bytes, 8);
        return (Companies[number % (ulong)Companies.Length], $"SM{number % 1_000_000_000_000:000000000000}PT");
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(500), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await DeliverAsync(stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNotDelivered(e.Message);
            }
        }
    }

    private async Task DeliverAsync(CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<ShippingContext>().Database.ExecuteSqlAsync($"""
            UPDATE shipments SET status = 'Delivered', updated_at = clock_timestamp()
            WHERE status = 'Dispatched' AND expected_delivery <= statement_timestamp()
            """, cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "Nothing is delivered for a moment: {Reason}")]
    private partial void LogNotDelivered(string reason);
}
