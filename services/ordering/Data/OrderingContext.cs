using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ShopMesh.Ordering.Api;
using ShopMesh.Ordering.Process;

namespace ShopMesh.Ordering.Data;

internal sealed class OrderingContext(DbContextOptions<OrderingContext> options) : DbContext(options)
{
    public DbSet<Order> Orders => Set<Order>();

    public DbSet<PlacedOrder> PlacedOrders => Set<PlacedOrder>();

    public DbSet<ShippingRate> ShippingRates => Set<ShippingRate>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Order>(order =>
        {
            order.Property(o => o.Id).ValueGeneratedNever();
            order.Property(o => o.Status).HasConversion<string>();
            order.Property(o => o.Step).HasConversion<string>();
            order.Property(o => o.ItemsTotal).HasPrecision(12, 2);
            order.Property(o => o.ShippingTotal).HasPrecision(12, 2);
            HasJson(order.Property(o => o.Lines), OrderingJson.Default.ListOrderLine);
            HasJson(order.Property(o => o.ShippingAddress), OrderingJson.Default.ShippingAddress);
            HasJson(order.Property(o => o.History), OrderingJson.Default.ListStatusChange);
            order.Ignore(o => o.HeldSince);
            // The work list: only what is not at its end.
            order.Property(o => o.DueAt).HasDefaultValueSql($"clock_timestamp() + interval '{OrderQueue.HeadStart.TotalSeconds} s'");
            order.HasIndex(o => o.DueAt).HasFilter("due_at IS NOT NULL");
            // Ids are UUIDv7: newest first is the id, descending.
            order.HasIndex(o => new { o.CustomerId, o.Id }).IsDescending(false, true);
            order.HasIndex(o => new { o.UpdatedAt, o.Id });
        });

        modelBuilder.Entity<PlacedOrder>(placed =>
        {
            placed.HasKey(p => new { p.CustomerId, p.IdempotencyKey });
            placed.Property(p => p.IdempotencyKey).HasMaxLength(255);
            placed.Property(p => p.Receipt).HasColumnType("json");
            placed.HasOne<Order>().WithOne().HasForeignKey<PlacedOrder>(p => p.OrderId);
        });

        modelBuilder.Entity<ShippingRate>().Property(r => r.Price).HasPrecision(12, 2);
    }

    private static void HasJson<T>(PropertyBuilder<T> property, JsonTypeInfo<T> json) where T : class => property
        .HasColumnType("jsonb")
        .HasConversion(
            value => JsonSerializer.Serialize(value, json),
            text => JsonSerializer.Deserialize(text, json)!,
            ValueComparer.CreateDefault<T>(favorStructuralComparisons: false));
}
